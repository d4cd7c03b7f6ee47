"""The command `ticker`, and `python -m ticker`."""

import sys

INTERRUPTED = 130  # what a shell says of who was ended by SIGINT


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        from ticker.cli import run  # the only place that pays for the command line

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # before there was anything to stop
        code = INTERRUPTED
    sys.exit(code)


if __name__ == "__main__":
    main()
