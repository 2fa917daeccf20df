"""`python -m engine`: prints the path of a `pulumi` to stdout, and its version and origin to stderr."""

import argparse
import sys

from .find import NoEngine, find
from .machine import to_stderr


def main(arguments: list[str] | None = None) -> int:
    """Prints the path. Returns the exit code: 0, or 1 with one line on stderr."""
    argparse.ArgumentParser(
        prog="python -m engine",
        description="Print the path of a pulumi to use: one on PATH, one in the user's cache folder, "
        "one that Pulumi's SDK installs there, or one that Go builds there (minutes, once).",
    ).parse_args(arguments)
    try:
        engine = find()
    except NoEngine as error:
        to_stderr(str(error))
        return 1
    to_stderr(f"engine: {engine}")
    print(engine.path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
