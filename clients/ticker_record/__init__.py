"""Keeps tapes: records what any server sends into a file, says what is in one, and exports it."""
