"""`python -m search_app`: serves the application on loopback until Ctrl-C. `--help` lists the environment variables."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from contextlib import suppress

from waitress import serve

from .pages import application
from .settings import VARIABLES, Unset, read


def main(arguments: list[str] | None = None) -> int:
    """Serves until Ctrl-C. Returns the exit code: 0, or 1 with the reason in one line each."""
    epilog = "\n".join(f"  {name:18} {what}" for name, what in VARIABLES.items())
    parser = argparse.ArgumentParser(
        prog="search_app", epilog=f"environment:\n{epilog}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=8000, help="on 127.0.0.1, 0 for any free one (%(default)s)")
    port = parser.parse_args(arguments).port
    try:
        app, place = application(read(os.environ)), socket.create_server(("127.0.0.1", port))
    except Unset as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"port {port}: {os.strerror(error.errno or 0)}: choose another with --port", file=sys.stderr)
        return 1
    with suppress(KeyboardInterrupt):
        print(f"http://127.0.0.1:{place.getsockname()[1]}/  (Ctrl-C ends it)", flush=True)
        serve(app, sockets=[place], threads=8, ident="search_app", _quiet=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
