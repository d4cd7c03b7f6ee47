"""Remembers and hands out: the tape, the board, and the audiences. Pure: knows no client, no language, no clock."""
