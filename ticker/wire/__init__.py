"""Bytes that do not care who speaks. Pure."""
