"""Whose token it is, and what that permits: a file of tokens, and tokens that somebody else has signed (JWT)."""
