"""Other machines and disks: tapes that are kept, published, and taken from elsewhere."""
