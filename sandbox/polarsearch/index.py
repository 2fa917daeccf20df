"""One index: settings, mapping, aliases, documents. What it is, not the requests about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.polarsearch.mapping import Mapping
from sandbox.polarsearch.settings import seconds
from sandbox.polarsearch.shard import Shard, View

if TYPE_CHECKING:
    from sandbox.polarsearch.node import Node

DEFAULT_REFRESH = "1s"


class Index:
    """`settings` are flat, `index.` included. A hidden index is one of ML Commons' own."""

    def __init__(self, name: str, settings: dict[str, Any], node: Node, *, hidden: bool = False) -> None:
        self.name, self.settings, self.hidden = name, settings, hidden
        self.aliases: dict[str, dict[str, Any]] = {}
        self.shard = Shard(node.store, self.uuid, node.clock)
        analyzers = {key.split(".")[3] for key in settings if key.startswith("index.analysis.analyzer.")}
        knn = settings.get("index.knn") == "true"
        self.mapping = Mapping(node.version, knn=knn, analyzers=dict.fromkeys(analyzers))

    @property
    def uuid(self) -> str:
        return str(self.settings["index.uuid"])

    @property
    def shard_copies(self) -> int:
        """The `total` of a write's `_shards`: the primary and its replicas. Only the primary is ever there."""
        return 1 + int(self.settings.get("index.number_of_replicas", "1"))

    @property
    def shards(self) -> int:
        return int(self.settings.get("index.number_of_shards", "1"))

    def pipeline(self, which: str) -> str | None:
        """default_pipeline, final_pipeline or search.default_pipeline, None when `_none`."""
        name = self.settings.get(f"index.{which}")
        return None if name in {None, "", "_none"} else name

    def view(self) -> View:
        """What a search sees now."""
        interval = self.settings.get("index.refresh_interval", DEFAULT_REFRESH)
        self.shard.refresh_if_due(seconds(interval, "index.refresh_interval"))
        return self.shard.view

    def to_store(self) -> dict[str, Any]:
        """For `restored`."""
        return {
            "settings": self.settings,
            "mapping": self.mapping.shown,
            "aliases": self.aliases,
            "hidden": self.hidden,
        }

    @classmethod
    def restored(cls, name: str, body: dict[str, Any], node: Node) -> Index:
        """As it was written."""
        index = cls(name, body["settings"], node, hidden=body["hidden"])
        index.mapping.shown, index.aliases = body["mapping"], body["aliases"]
        return index
