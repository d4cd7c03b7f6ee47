"""The command `ticker`, and `python -m ticker`."""

import os
import sys

INTERRUPTED = 130  # what a shell says of who was ended by SIGINT


def main() -> None:
    """Run the command line and exit with its code."""
    _fill_standard()
    try:
        from ticker.cli import run  # the only place that pays for the command line

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # before there was anything to stop
        code = INTERRUPTED
    sys.exit(code)


def _fill_standard() -> None:
    """Open what was closed of the first three descriptors, or sockets would take their places, and uvloop aborts."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest that is free


if __name__ == "__main__":
    main()
