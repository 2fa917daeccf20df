"""Which settings are taken, which may change on a running node, and what a value must look like."""

from __future__ import annotations

from sandbox.polarsearch.settings import Flat
from sandbox.polarsearch.shapes import Shapes, data

_DATA = data("settings")
_INDEX: dict[str, str] = {**_DATA["dynamic"], **_DATA["static"]}
CLUSTER_DEFAULTS: Flat = _DATA["cluster_defaults"]
_ANALYSIS, _METADATA = "index.analysis.", "cluster.metadata."
_SHAPES = Shapes({
    "index": {**_INDEX, "…words": "unknown setting [{key}]"},
    "cluster": {**_DATA["cluster"], "…words": "setting [{key}], not recognized"},
})  # fmt: skip


def is_dynamic(key: str) -> bool:
    """Whether an index setting may change while the index is open."""
    return key in _DATA["dynamic"]


def check_index_settings(flat: Flat) -> None:
    """Raises for a name that is not taken, or a value that cannot be; null takes a setting back."""
    for key, value in flat.items():
        if value is None and key in _INDEX:
            continue
        if not key.startswith(_ANALYSIS):  # those are looked at where they are used
            _SHAPES.check("index", {key: value})


def check_cluster_settings(flat: Flat) -> None:
    """Raises for a name that is not taken, or a value that cannot be."""
    for key, value in flat.items():
        if not key.startswith(_METADATA):
            _SHAPES.check("cluster", {key: _DATA["cluster_defaults"].get(key, value) if value is None else value})
