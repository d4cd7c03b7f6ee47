"""The load tester: many subscribers in one process, and what they saw."""
