"""`python -m engine`: print the path of a `pulumi` to use, after saying on stderr which one it is."""

import sys

from .find import NoEngine, find
from .machine import to_stderr


def main() -> int:
    """0 with a path on stdout, or 1 with one line on stderr."""
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
