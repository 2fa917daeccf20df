"""One index: settings, mapping, aliases, documents. What it is, not the requests about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.polarsearch.analysis import Analysis
from sandbox.polarsearch.errors import MARK
from sandbox.polarsearch.mapping import Mapping
from sandbox.polarsearch.settings import seconds
from sandbox.polarsearch.shard import Shard, View
from sandbox.polarsearch.store import Store
from sandbox.polarsearch.versions import Version

DEFAULT_REFRESH = "1s"


@dataclass(frozen=True)
class Home:
    """What an index needs of the node it is on."""

    store: Store
    version: Version
    clock: Callable[[], float]


class StoredIndex:
    """`settings` are flat, `index.` included. A hidden index is one of ML Commons' own."""

    def __init__(self, name: str, settings: dict[str, Any], home: Home, *, hidden: bool = False) -> None:
        self.name, self.settings, self.hidden = name, settings, hidden
        self.aliases: dict[str, dict[str, Any]] = {}
        self.shard = Shard(home.store, self.uuid, home.clock)
        self.mapping = Mapping(home.version, settings, Analysis(settings))
        self.expand_replicas()

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

    @property
    def approximations(self) -> list[str]:
        """What a Warning header says of everything that comes from its documents."""
        return [f"index [{self.name}] of {self.shards} shards is kept as one {MARK}"] if self.shards > 1 else []

    def expand_replicas(self) -> None:
        """auto_expand_replicas on one node: none, where none is allowed."""
        if str(self.settings.get("index.auto_expand_replicas", "false")).startswith("0-"):
            self.settings["index.number_of_replicas"] = "0"

    def pipeline(self, which: str) -> str | None:
        """default_pipeline, final_pipeline or search.default_pipeline, None when `_none`."""
        name = self.settings.get(f"index.{which}")
        return None if name in {None, "", "_none"} else name

    def view(self) -> View:
        """What a search sees now."""
        interval = self.settings.get("index.refresh_interval", DEFAULT_REFRESH)
        self.shard.refresh_if_due(seconds(interval))
        return self.shard.view

    def to_store(self) -> dict[str, Any]:
        """For `restored`."""
        kept = {"settings": self.settings, "mapping": self.mapping.shown}
        return kept | {"aliases": self.aliases, "hidden": self.hidden}

    @classmethod
    def restored(cls, name: str, body: dict[str, Any], home: Home) -> StoredIndex:
        """As it was written."""
        index = cls(name, body["settings"], home, hidden=body["hidden"])
        index.mapping.shown, index.aliases = body["mapping"], body["aliases"]
        return index
