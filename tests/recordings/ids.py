"""Ids differ from node to node: one is learned where it first appears in an answer, and expected from then on."""

from __future__ import annotations

import re
from typing import Any

ID = re.compile(r"(?<![A-Za-z0-9_-])(?=[A-Za-z0-9_-]*[A-Z])[A-Za-z0-9_-]{20}(?:[A-Za-z0-9_-]{2})?(?![A-Za-z0-9_-])")


class Ids:
    """What a recorded node called what another one calls otherwise."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def ours(self, text: str) -> str:
        """`text` with the recorded ids replaced by the other node's own."""
        return ID.sub(lambda found: self._known.get(found[0], found[0]), text)

    def learn(self, theirs: str, ours: str) -> None:
        """From two texts that say the same."""
        for there, here in zip(ID.findall(theirs), ID.findall(ours), strict=False):
            self._known.setdefault(there, here)

    def learn_all(self, theirs: Any, ours: Any) -> None:
        """From two answers to the same request."""
        if isinstance(theirs, dict) and isinstance(ours, dict):
            self.learn_keys(theirs, ours)
            for key in theirs:
                self.learn_all(theirs[key], ours.get(self.ours(key)))
        elif isinstance(theirs, list) and isinstance(ours, list):
            for there, here in zip(theirs, ours, strict=False):
                self.learn_all(there, here)
        elif isinstance(theirs, str) and isinstance(ours, str):
            self.learn(theirs, ours)

    def learn_keys(self, theirs: dict[str, Any], ours: dict[str, Any]) -> None:
        """From the keys that only one of them has."""
        only = zip(sorted(theirs.keys() - ours.keys()), sorted(ours.keys() - theirs.keys()), strict=False)
        for there, here in only:
            self.learn(there, here)
