"""Reports as one page to hand around: no script, and nothing to load from anywhere. Pure but for its style sheet."""
