"""Makes ticks: seed and step in, `Batch` out. Pure: knows no client, no clock and no language."""
