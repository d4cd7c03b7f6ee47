"""Whose words: how a dialect parses what clients say, spells what we answer, and renders ticks. Pure."""
