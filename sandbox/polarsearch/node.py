"""The one node everything happens on: its state, its clock, its lock, and what is due later."""

from __future__ import annotations

import base64
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sandbox.polarsearch.errors import index_not_found
from sandbox.polarsearch.index import Home, StoredIndex
from sandbox.polarsearch.store import Store
from sandbox.polarsearch.versions import Version

BUILD_HASH = "0" * 40
"""Stands where a real node names the commit it was built from."""

Outbound = Callable[[str, str, Mapping[str, str], bytes, float], tuple[int, bytes]]
"""method, url, headers, body, timeout in seconds → status, body; raises OSError when there is no answer."""


@dataclass
class Timers:
    """What happens by itself, later. Looked at before each request: between requests nobody could tell."""

    clock: Callable[[], float]
    _due: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Do `act` when the clock has moved on by `seconds`."""
        self._due.append((self.clock() + seconds, act))

    def run(self) -> None:
        """Do everything that is due, in order."""
        now = self.clock()
        ready = sorted((each for each in self._due if each[0] <= now), key=lambda each: each[0])
        self._due = [each for each in self._due if each[0] > now]
        for _, act in ready:
            act()


class Node:
    """State of the whole service. `entropy(n)` gives n random bytes."""

    def __init__(
        self,
        *,
        store: Store,
        version: Version,
        clock: Callable[[], float],
        entropy: Callable[[int], bytes],
        call: Outbound,
    ) -> None:
        self.store, self.version, self.clock, self._entropy, self.call = store, version, clock, entropy, call
        self.lock = threading.RLock()
        self.timers = Timers(clock)
        self.id = self._lasting("node", self.new_id)
        self.cluster_uuid = self._lasting("cluster", self.new_uuid)
        self.settings: dict[str, dict[str, Any]] = {"persistent": store.all("settings").get("persistent", {})}
        self.settings["transient"] = {}
        self.pipelines = {"ingest": store.all("ingest"), "search": store.all("search")}
        self.home = Home(store, version, clock)
        self.indices = {name: StoredIndex.restored(name, body, self.home) for name, body in store.all("index").items()}
        self.loaded: dict[str, dict[str, Any]] = {}  # deployed models → the connector as it was when they were deployed

    def _lasting(self, name: str, make: Callable[[], str]) -> str:
        value = str(self.store.all("identity").get(name) or make())
        self.store.put("identity", name, value)
        self.store.commit()
        return value

    @contextmanager
    def working(self) -> Iterator[None]:
        """Hold the lock, let happen what is due, and leave everything committed."""
        with self.lock:
            self.timers.run()
            try:
                yield
            finally:
                self.store.commit()

    def millis(self) -> int:
        """Now, as ML Commons and index creation write it."""
        return int(self.clock() * 1000)

    def new_id(self) -> str:
        """Twenty characters, as documents get."""
        return base64.urlsafe_b64encode(self._entropy(15)).decode()

    def new_uuid(self) -> str:
        """Twenty-two characters, as indexes get."""
        return base64.urlsafe_b64encode(uuid.UUID(bytes=self._entropy(16)).bytes).decode().rstrip("=")

    def setting(self, name: str, default: Any = None) -> Any:
        """A cluster setting as it holds now: transient beats persistent beats `default`."""
        return self.settings["transient"].get(name, self.settings["persistent"].get(name, default))

    def index(self, name: str) -> StoredIndex:
        """A visible or hidden index by its own name. Raises index_not_found_exception."""
        if name not in self.indices:
            raise index_not_found(name)
        return self.indices[name]

    def save(self, index: StoredIndex) -> None:
        """Write an index's settings, mapping and aliases."""
        self.store.put("index", index.name, index.to_store())

    def remove(self, index: StoredIndex) -> None:
        """With its documents and its part in every alias."""
        del self.indices[index.name]
        self.store.drop("index", index.name)
        self.store.clear(index.uuid)
