"""Writes a file as the comment on a pull request, one for each stack: `comment.py plan.md` makes it or updates it.

Reads GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_TOKEN, PULL_REQUEST and STACK.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = 100


def main(file: str) -> None:
    """Writes the comment."""
    mark = f"<!-- plan of stack {os.environ['STACK']} -->"
    body = {"body": f"{mark}\n{Path(file).read_text(encoding='utf-8')}"}
    place = f"issues/{os.environ['PULL_REQUEST']}/comments"
    ours = (each["id"] for each in comments(place) if each["user"]["type"] == "Bot" and each["body"].startswith(mark))
    if (found := next(ours, None)) is None:
        call("POST", place, body)
    else:
        call("PATCH", f"issues/comments/{found}", body)


def comments(place: str) -> Iterator[Any]:
    """Yields the comments that are there, page by page."""
    page, shown = 1, [None] * PAGE
    while len(shown) == PAGE:
        shown = call("GET", f"{place}?per_page={PAGE}&page={page}")
        yield from shown
        page += 1


def call(method: str, path: str, body: Any = None) -> Any:
    """Calls GitHub's API for the repository."""
    url = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}/{path}"
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}", "Accept": "application/vnd.github+json"}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=30) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main(sys.argv[1])
