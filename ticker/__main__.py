"""The command `ticker`, and `python -m ticker`."""

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from ticker.cli import run  # the only place that pays for the command line

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
