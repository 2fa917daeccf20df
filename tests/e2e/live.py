"""Traffic of an application on a live stack: rows are written and searched for, and every answer is looked at."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .world import World

OLD = 5.0
"""Seconds after which a write has to be found: AutoETL, embedding and the refresh of an index take some."""

ALL = {"size": 100, "query": {"neural": {"vector": {"query_text": "a thing", "k": 100}}}}


@dataclass
class Written:
    """The numbers that were written into each row, with the time, the newest last."""

    numbers: dict[int, list[tuple[float, int]]] = field(default_factory=dict)

    def note(self, id: int, number: int) -> None:
        self.numbers.setdefault(id, []).append((time.monotonic(), number))

    def is_stale(self, id: int, number: int, began: float) -> bool:
        """Tells whether a newer number had been there long enough when the search began."""
        return any(newer > number and at < began - OLD for at, newer in self.numbers.get(id, []))


class Live:
    """Twenty writes and `rate` searches a second; `seen` counts the searches, and what was wrong with them.

    `searchers` share the searches.
    """

    def __init__(self, world: World, rate: float = 20, alias: str = "docs", searchers: int = 1) -> None:
        self._world, self._rate, self._alias, self._searchers = world, rate, alias, searchers
        self._client = world.client()
        self._written, self._stop = Written(), threading.Event()
        self.seen: Counter[str] = Counter()
        self.failed: list[str] = []

    @contextmanager
    def traffic(self) -> Iterator[Live]:
        steps = [(self._write, 20.0), *[(self._search, self._rate / self._searchers)] * self._searchers]
        threads = [threading.Thread(target=self._paced, args=step) for step in steps]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()
            self._client.close()

    def _paced(self, step: Callable[[int], None], rate: float) -> None:
        number, due = 0, time.monotonic()
        while not self._stop.wait(max(0, due - time.monotonic())):
            step(number := number + 1)
            due = max(due + 1 / rate, time.monotonic() - 1)

    def _write(self, number: int) -> None:
        """Three rows are written again and again; others come, and go after a while."""
        id = number % 3 + 1
        self._world.sql("UPDATE db.docs SET body = %s WHERE id = %s", f"thing number {number}", id)
        self._written.note(id, number)
        if number % 5 == 0:
            self._world.sql("INSERT INTO db.docs (id, body) VALUES (%s, 'a thing that goes')", 1000 + number)
            self._world.sql("DELETE FROM db.docs WHERE id = %s", 1000 + number - 50)
        self.seen["writes"] += 1

    def _search(self, _number: int) -> None:
        began = time.monotonic()
        response = self._client.post(f"/{self._alias}/_search", json=ALL)
        self.seen["searches"] += 1
        if response.status_code != 200:
            self.failed.append(response.text)
            return
        hits = response.json()["hits"]["hits"]
        self.seen["empty"] += not hits
        self.seen["mixed"] += len({hit["_index"] for hit in hits}) > 1 or len({hit["_id"] for hit in hits}) < len(hits)
        self.seen["stale"] += any(self._is_stale(hit, began) for hit in hits)

    def _is_stale(self, hit: Any, began: float) -> bool:
        text = hit["_source"].get("text", "")
        if not text.startswith("thing number "):
            return False
        return self._written.is_stale(int(hit["_id"]), int(text.rpartition(" ")[2]), began)
