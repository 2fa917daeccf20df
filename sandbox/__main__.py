"""`python -m sandbox`: a PolarDB, a PolarSearch and an embedding service on this machine."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from sandbox import daemon, defaults

_EPILOG = f"""\
commands:
  start    start in the background; does nothing if it runs
  stop     stop, and wait until it has ended; the data stays
  status   show whether it runs, and its addresses
  serve    run in the foreground, until Ctrl-C
  reset    stop, and delete the sandbox's data

accounts (good for the sandbox only):
  search      {defaults.SEARCH_USERNAME} / {defaults.SEARCH_PASSWORD}
  database    {defaults.DATABASE_USER} / {defaults.DATABASE_PASSWORD}
  embeddings  {defaults.API_KEY}

A new database holds db.test_table (3 rows, the tutorial's) and shop.products.
"""
_OPENSEARCH = r"(2\.(1[1-9]|[2-9]\d|\d{3,})|3\.\d+)\.\d+"
_POLARDB = r"(\d+(\.\d+){4})?"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="A PolarDB, a PolarSearch and an embedding service on this machine, loopback only.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = parser.add_argument
    option("command", choices=_COMMANDS, metavar="command")
    option("--home", type=Path, default=defaults.HOME, help="where its files are (%(default)s)")
    for service in ("search", "database", "embeddings"):
        default = getattr(defaults, f"{service.upper()}_PORT")
        text = f"port of the {service}, 0 for any free one (%(default)s)"
        option(f"--{service}-port", type=_port, default=default, metavar="N", help=text)
    known = _matching(_OPENSEARCH, "is no version we know: write one of 2.11.0 to 3.x, such as 2.19.1")
    text = "of OpenSearch, 2.11.0 to 3.x (%(default)s)"
    option("--version", type=known, default=defaults.SEARCH_VERSION, metavar="X.Y.Z", help=text)
    known = _matching(_POLARDB, "is no revision: write one such as 8.0.1.1.52")
    text = "revision of PolarDB, empty for a MySQL that is none (%(default)s)"
    option("--polardb-version", type=known, default=defaults.POLARDB_VERSION, metavar="REVISION", help=text)
    return parser


def _port(text: str) -> int:
    if text.isdecimal() and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port: write 0 to 65535")


def _matching(pattern: str, mistake: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if re.fullmatch(pattern, text):
            return text
        raise argparse.ArgumentTypeError(f"{text!r} {mistake}")

    return check


def main(arguments: list[str] | None = None) -> int:
    """Runs a command. Returns the exit code: 0, or 1 with the reason in one line; 1 if `status` finds none running."""
    given = vars(_parser().parse_args(arguments))
    command = _COMMANDS[given.pop("command")]
    try:
        return command(daemon.Options(**given)) or 0
    except (daemon.Unable, OSError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1


def _start(options: daemon.Options) -> None:
    state, is_new = daemon.start(options)
    print(*state.lines(), *([] if is_new else [f"already running (process {state.pid})"]), sep="\n")


def _stop(options: daemon.Options) -> None:
    print("stopped" if daemon.stop(options.home) else "not running")


def _status(options: daemon.Options) -> int:
    state = daemon.running(options.home)
    print(*([*state.lines(), f"running (process {state.pid})"] if state else ["not running"]), sep="\n")
    return 0 if state else 1


def _reset(options: daemon.Options) -> None:
    daemon.reset(options.home)
    print("stopped, its data deleted")


_COMMANDS: Mapping[str, Callable[[daemon.Options], int | None]] = {
    "start": _start,
    "stop": _stop,
    "status": _status,
    "serve": daemon.serve,
    "reset": _reset,
}

if __name__ == "__main__":
    sys.exit(main())
