"""Waiting until an edited row is found again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

PATIENCE = 30.0
PAUSE = 0.1


def in_document(columns: Mapping[str, Any], document: Mapping[str, Any]) -> list[str]:
    """Returns the columns of a row that are in its document: under their own name, or as a field of the same value."""
    values = [value for value in document.values() if isinstance(value, str)]
    return [name for name, value in columns.items() if name in document or value in values]


def changed(before: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """Returns what a person changed of a row; the line ends of a form are CRLF."""
    texts = {name: given[name].replace("\r\n", "\n") for name in before if name in given}
    return {name: text for name, text in texts.items() if text != (before[name] or "")}


def is_there(values: Mapping[str, str], document: Mapping[str, Any] | None) -> bool:
    """Returns whether a document has all the new texts."""
    return document is not None and all(value in document.values() for value in values.values())


def seconds_until(
    look: Callable[[], bool],
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    patience: float = PATIENCE,
) -> float | None:
    """Looks again and again. Returns the seconds until it was there; None where patience ends first."""
    begun = now()
    while not look():
        if now() - begun > patience:
            return None
        sleep(PAUSE)
    return now() - begun
