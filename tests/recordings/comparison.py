"""How far two answers to the same request say the same: ids are learned, and what differs each time is left out."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.recordings.ids import Ids

VOLATILE = {
    "took", "ingest_took", "created_time", "last_updated_time", "last_deployed_time", "create_time", "last_update_time",
    "creation_date", "build_hash", "build_date", "cluster_name", "timestamp", "line", "col",
}  # fmt: skip
CONFIGURED = {
    "index.knn.advanced.approximate_threshold", "knn.advanced", "plugins.ml_commons.connector.private_ip_enabled",
    "plugins.ml_commons.only_run_on_ml_node", "private_ip_enabled", "advanced",
}  # fmt: skip
"""Settings of a real node's own configuration and of its index template; the stand-in is given the one it needs."""
POSITION = re.compile(r"\[\d+:\d+\]|line: \d+, column: \d+|at \d+:\d+")


def without_configuration(value: Any) -> Any:
    """An answer as of a node that nobody configured."""
    if isinstance(value, dict):
        left = {key: without_configuration(item) for key, item in value.items() if key not in CONFIGURED}
        return {
            key: item
            for key, item in left.items()
            if item != {} or value[key] == {} or key in ("persistent", "transient")
        }
    return [without_configuration(item) for item in value] if isinstance(value, list) else value


class Comparison:
    """What is known of the ids of one node by those of the other."""

    def __init__(self) -> None:
        self.ids = Ids()

    def difference(self, theirs: Any, ours: Any) -> str | None:
        """Where the second answer differs from the first and how, None when it does not."""
        return self._difference(without_configuration(theirs), without_configuration(ours), "")

    def _difference(self, theirs: Any, ours: Any, path: str) -> str | None:
        if isinstance(theirs, dict) and isinstance(ours, dict):
            return self._dicts(theirs, ours, path)
        if isinstance(theirs, list) and isinstance(ours, list):
            return self._lists(theirs, ours, path)
        name = path.rpartition("/")[2]
        if name in VOLATILE:
            return None
        if isinstance(theirs, str) and isinstance(ours, str):
            self.ids.learn(theirs, ours)
            theirs, ours = POSITION.sub("[1:1]", self.ids.ours(theirs)), POSITION.sub("[1:1]", ours)
        close = (
            name in ("_score", "max_score") and isinstance(theirs, float) and ours == pytest.approx(theirs, rel=1e-6)
        )
        if close or (theirs == ours and type(theirs) is type(ours)) or (is_time(theirs) and is_time(ours)):
            return None
        return f"{path}: {ours!r}, not {theirs!r}"

    def _dicts(self, theirs: dict[str, Any], ours: dict[str, Any], path: str) -> str | None:
        self.ids.learn_keys(theirs, ours)
        theirs = {self.ids.ours(key): value for key, value in theirs.items()}
        if theirs.keys() != ours.keys():
            return f"{path}: {sorted(ours)}, not {sorted(theirs)}"
        found = (self._difference(theirs[key], ours[key], f"{path}/{key}") for key in theirs)
        return next((each for each in found if each), None)

    def _lists(self, theirs: list[Any], ours: list[Any], path: str) -> str | None:
        if theirs and isinstance(theirs[-1], str) and (cut := re.fullmatch(r"… (\d+) numbers", theirs[-1])):
            if len(ours) != int(cut[1]):
                return f"{path}: {len(ours)} numbers, not {cut[1]}"
            theirs, ours = theirs[:-1], ours[: len(theirs) - 1]
        if len(theirs) != len(ours):
            return f"{path}: {len(ours)} items, not {len(theirs)}"
        pairs = enumerate(zip(theirs, ours, strict=True))
        return next((found for at, (a, b) in pairs if (found := self._difference(a, b, f"{path}/{at}"))), None)


def is_time(value: Any) -> bool:
    """Milliseconds since 1970, of the months these were recorded in."""
    return isinstance(value, (int, str)) and str(value).isdigit() and 1.79e12 < int(value) < 1.81e12
