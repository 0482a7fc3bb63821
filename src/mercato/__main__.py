"""`mercato` and `python -m mercato`."""

import sys


def main() -> None:
    """Run one command; a refusal is one line on standard error and exit code 1."""
    from mercato.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
