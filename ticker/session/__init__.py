"""One conversation: what may be said, what is answered, what a slow reader is owed. Pure."""
