"""A hook of mkdocs: the start pages are README.md and README.zh.md, with their links as they are in docs/."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
PAGES = {"README.md": "index.md", "README.zh.md": "index.zh.md"}
LINK = re.compile(r"\[([^\]]+)\]\((?!https?://|#)([^)]+)\)")


def on_files(files: Files, config: Any) -> Files:
    """Adds the start pages."""
    for source, target in PAGES.items():
        files.append(File.generated(config, target, content=as_in_docs((ROOT / source).read_text())))
    return files


def as_in_docs(text: str) -> str:
    """Returns a page of the root as a page of docs/; what is not in docs/ is named and not linked."""
    return LINK.sub(lambda found: _link(found[1], found[2]), text)


def _link(text: str, target: str) -> str:
    if target in PAGES:
        return f"[{text}]({PAGES[target]})"
    return f"[{text}]({target.removeprefix('docs/')})" if target.startswith("docs/") else f"`{target}`"
