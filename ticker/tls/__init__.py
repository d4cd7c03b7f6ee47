"""Certificates: the one that is shown to whoever connects, and how one is made for development."""
