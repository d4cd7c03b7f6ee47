"""Other machines and disks: tapes that are published, taken from elsewhere, recorded."""
