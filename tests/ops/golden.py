"""What each recorded change means, as Markdown, in golden files."""

from __future__ import annotations

import json
from typing import Any

from ops.changes import changes
from ops.comment import comment
from ops.digest import read_digest
from ops.stack import Stopped
from tests.ops.recorded import FOLDER, read_recorded

GOLDEN = FOLDER / "golden"


def markdown(digest: dict[str, Any]) -> str:
    """Returns the comment on a digest or, where the preview failed, the error."""
    try:
        read = read_digest(json.dumps(digest))
    except Stopped as error:
        return f"{error}\n"
    return comment(read, changes(read.steps, {}), asked=False)


def golden(name: str) -> str:
    return (GOLDEN / f"{name}.md").read_text(encoding="utf-8")


def write_golden(name: str) -> None:
    (GOLDEN / f"{name}.md").write_text(markdown(read_recorded(name)), encoding="utf-8")
