"""`python -m sandbox`: a PolarDB, a PolarSearch and an embedding service on this machine."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from sandbox import daemon, defaults

_EPILOG = f"""\
commands:
  start    start in the background; does nothing if it runs
  stop     stop, and wait until it is gone; the data stays
  status   say what runs where
  serve    run in the foreground, until Ctrl-C
  reset    stop, and delete the sandbox's data

accounts (good for the sandbox only):
  search      {defaults.SEARCH_USERNAME} / {defaults.SEARCH_PASSWORD}
  database    {defaults.DATABASE_USER} / {defaults.DATABASE_PASSWORD}
  embeddings  {defaults.API_KEY}

A new database holds db.test_table (3 rows, the tutorial's) and shop.products.
"""


def port(text: str) -> int:
    """A port's number. Raises ArgumentTypeError."""
    if not (text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: write 0 to 65535")
    return int(text)


def opensearch(text: str) -> str:
    """A version of OpenSearch that has semantic search. Raises ArgumentTypeError."""
    numbers = re.fullmatch(r"(\d+)\.(\d+)\.\d+", text)
    if not numbers or not (2, 11) <= (int(numbers[1]), int(numbers[2])) < (4, 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no version we know: write one of 2.11.0 to 3.x, such as 2.19.1")
    return text


def polardb(text: str) -> str:
    """A revision of PolarDB, or nothing. Raises ArgumentTypeError."""
    if text and not re.fullmatch(r"\d+(\.\d+){4}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no revision: write one such as 8.0.1.1.52")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="A PolarDB, a PolarSearch and an embedding service on this machine, loopback only.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=["start", "stop", "status", "serve", "reset"], metavar="command")
    parser.add_argument("--home", type=Path, default=defaults.HOME, help="where its files are (%(default)s)")
    for service, usual in (
        ("search", defaults.SEARCH_PORT),
        ("database", defaults.DATABASE_PORT),
        ("embeddings", defaults.EMBEDDINGS_PORT),
    ):
        text = f"port of the {service}, 0 for any free one (%(default)s)"
        parser.add_argument(f"--{service}-port", type=port, default=usual, metavar="N", help=text)
    version = "of OpenSearch, 2.11.0 to 3.x (%(default)s)"
    parser.add_argument("--version", type=opensearch, default=defaults.SEARCH_VERSION, metavar="X.Y.Z", help=version)
    parser.add_argument(
        "--polardb-version",
        type=polardb,
        metavar="REVISION",
        default=defaults.POLARDB_VERSION,
        help="revision of PolarDB, empty for a MySQL that is none (%(default)s)",
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0, or 1 with one line of why; `status` gives 1 when nothing runs."""
    given = vars(_parser().parse_args(arguments))
    command = given.pop("command")
    options = daemon.Options(**given)
    try:
        return _COMMANDS[command](options)
    except (daemon.Unable, OSError) as unable:
        print(f"sandbox: {unable}", file=sys.stderr)
        return 1


def _start(options: daemon.Options) -> int:
    state, new = daemon.start(options)
    _print(state)
    if not new:
        print(f"already running (process {state.pid})")
    return 0


def _stop(options: daemon.Options) -> int:
    print("stopped" if daemon.stop(options.home) else "not running")
    return 0


def _status(options: daemon.Options) -> int:
    state = daemon.running(options.home)
    if state is None:
        print("not running")
        return 1
    _print(state)
    print(f"running (process {state.pid})")
    return 0


def _serve(options: daemon.Options) -> int:
    daemon.serve(options, lambda line: print(line, flush=True))
    return 0


def _reset(options: daemon.Options) -> int:
    daemon.reset(options.home)
    print("stopped, its data deleted")
    return 0


def _print(state: daemon.State) -> None:
    for line in state.lines():
        print(line)


_COMMANDS = {"start": _start, "stop": _stop, "status": _status, "serve": _serve, "reset": _reset}

if __name__ == "__main__":
    sys.exit(main())
