"""The commands, and how each ends: with exit code 0 where all is well, 1 with findings, 2 where it could not look."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Sequence

import typer

from components.settings import SettingsError
from ops.adopt import adopt
from ops.doctor import doctor
from ops.estimate import estimate
from ops.plan import plan
from ops.search import search
from ops.stack import Stopped
from ops.status import status
from providers.kit import SearchStackError, pluralize

COMMANDS: Sequence[Callable[..., None]] = (doctor, status, estimate, plan, search, adopt)
"""Each is a module of its own, and a function whose parameters are the options. A new command is registered here."""

app = typer.Typer(
    name="python -m ops",
    help="Look after a stack. Each command reads the stack's configuration and outputs through the pulumi on PATH, in "
    "the folder of its Pulumi.yaml. Exit code: 0 fine, 1 findings, 2 could not look.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in COMMANDS:
    app.command()(command)


@app.callback()
def group() -> None:
    """Holds the commands together, however few there are."""


def main(argv: Sequence[str]) -> int:
    """Runs one command, and returns its exit code."""
    _replace_unprintable()
    try:
        app(list(argv), standalone_mode=True)
    except SystemExit as ended:
        return int(ended.code or 0)
    except (Stopped, SettingsError, SearchStackError) as error:
        return _could_not_look(one_line(error), as_json="--json" in argv)
    except KeyboardInterrupt:
        return 130
    return 0


def one_line(error: Exception) -> str:
    """Returns what a person reads of an error, on one line."""
    if isinstance(error, SettingsError):
        return f"{pluralize(len(error.mistakes), 'mistake')} in the configuration: {'; '.join(error.mistakes)}"
    return " ".join(str(error).split())


def _could_not_look(why: str, *, as_json: bool) -> int:
    """Says why on stderr and, where JSON was asked for, as JSON on stdout."""
    print(why, file=sys.stderr)
    if as_json:
        print(json.dumps({"error": why}, ensure_ascii=False))
    return 2


def _replace_unprintable() -> None:
    """Makes stdout print `?` for characters that its encoding lacks: the documents may be in any language."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
