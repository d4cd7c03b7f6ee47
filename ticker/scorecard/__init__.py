"""Says how much a market looks like a market: the statistics of real ones, computed from a run, beside their ranges."""
