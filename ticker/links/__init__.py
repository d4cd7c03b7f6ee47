"""Other machines and disks: tapes that are kept, and tapes that come from elsewhere."""
