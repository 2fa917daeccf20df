"""An index's documents: written at once, found by id at once, found by searching only after a refresh."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from sandbox.polarsearch.columns import Mask, Source, Table
from sandbox.polarsearch.store import Store

IDLE_SECONDS = 300.0  # a shard nobody writes to is flushed, and only then may merging drop what was overwritten
DEAD_LIMIT = 5000
TOMBSTONE_SECONDS = 60.0  # index.gc_deletes


@dataclass(frozen=True)
class Doc:
    """One version of one document."""

    id: str
    seq: int
    version: int
    source: Source


@dataclass(frozen=True)
class Written:
    """What a write did. `result` is created, updated, deleted, not_found or noop."""

    doc_id: str
    result: str
    version: int
    seq: int


class View(Table):
    """What searches see: documents by their place, some of them dead."""

    def __init__(self, docs: Iterable[Doc] = ()) -> None:
        super().__init__()
        self.docs: list[Doc] = []
        self.alive: list[bool] = []
        self.places: dict[str, int] = {}
        for doc in docs:
            self.add(doc)

    def __len__(self) -> int:
        return len(self.docs)

    @property
    def live(self) -> Mask:
        """Which places hold a document that is not overwritten or deleted."""
        return np.array(self.alive, np.bool_)

    def add(self, doc: Doc) -> None:
        """Put it at the end; an older one of its id is dead from then on."""
        self.kill(doc.id)
        self.places[doc.id] = len(self.docs)
        self.docs.append(doc)
        self.sources.append(doc.source)
        self.alive.append(True)

    def kill(self, id: str) -> None:
        """Leave it in place, dead."""
        place = self.places.pop(id, None)
        if place is not None:
            self.alive[place] = False

    def merged(self) -> View:
        """The same without the dead."""
        return View(doc for doc, alive in zip(self.docs, self.alive, strict=True) if alive)


class Shard:
    """The documents of one index, kept in `store` under `place`."""

    def __init__(self, store: Store, place: str, clock: Callable[[], float]) -> None:
        self._store, self._place, self._clock = store, place, clock
        self.current = {id: Doc(id, seq, version, source) for id, seq, version, source in store.documents(place)}
        self.next_seq = 1 + max((doc.seq for doc in self.current.values()), default=-1)
        self.view = View(sorted(self.current.values(), key=lambda doc: doc.seq))
        self.written_at: float | None = None  # the oldest write no search can see yet
        self._refreshed_at = clock()
        self._pending: list[Doc | str] = []
        self._tombstones: dict[str, tuple[int, float]] = {}

    def put(self, id: str, source: Source) -> Written:
        """Index one document."""
        old = self.current.get(id)
        version = old.version + 1 if old else self._version_after_delete(id) + 1
        doc = Doc(id, self._sequence(), version, source)
        self.current[id] = doc
        self._tombstones.pop(id, None)
        self._pend(doc)
        self._store.write(self._place, [(id, doc.seq, version, source)])
        return Written(id, "updated" if old else "created", version, doc.seq)

    def delete(self, id: str) -> Written:
        """Delete one document; of a missing one the version counts on all the same."""
        old = self.current.pop(id, None)
        version = (old.version if old else self._version_after_delete(id)) + 1
        self._tombstones[id] = (version, self._clock())
        seq = self._sequence()
        if old:
            self._pend(id)
            self._store.remove(self._place, id)
        return Written(id, "deleted" if old else "not_found", version, seq)

    def _version_after_delete(self, id: str) -> int:
        version, at = self._tombstones.get(id, (0, 0.0))
        return version if self._clock() - at < TOMBSTONE_SECONDS else 0

    def _sequence(self) -> int:
        self.next_seq += 1
        return self.next_seq - 1

    def _pend(self, change: Doc | str) -> None:
        self._pending.append(change)
        if self.written_at is None:
            self.written_at = self._clock()

    def refresh(self) -> None:
        """Let searches see every write so far."""
        if not self._pending:
            return
        for change in self._pending:
            if isinstance(change, Doc):
                self.view.add(change)
            else:
                self.view.kill(change)
        self._pending, self.written_at = [], None
        self._merge()

    def _merge(self) -> None:
        dead = len(self.view) - len(self.view.places)
        idle = self._clock() - self._refreshed_at > IDLE_SECONDS
        self._refreshed_at = self._clock()
        if dead and (idle or dead > max(DEAD_LIMIT, len(self.view.places))):
            self.view = self.view.merged()

    def refresh_if_due(self, interval: float) -> None:
        """The refresh that happens by itself every `interval` seconds; a negative one never does."""
        if self.written_at is not None and 0 <= interval <= self._clock() - self.written_at:
            self.refresh()

    def searchable(self) -> Iterator[Doc]:
        """What a match_all would find."""
        return (self.view.docs[place] for place in self.view.places.values())
