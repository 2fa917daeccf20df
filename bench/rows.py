"""The speed of the check for missing rows: every row of a table is looked up in an index that contains all of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import httpx

from bench.check import count_missing
from bench.services import Services

BATCH = 1000
TABLE, INDEX = "bench_rows.rows", "bench-rows"
VECTOR = {"type": "knn_vector", "dimension": 2}
MAPPING = {"properties": {"text": {"type": "text"}, "vector": VECTOR}}


def rows_a_second(services: Services, rows: int, now: Callable[[], float] = time.perf_counter) -> float:
    """Returns the rows a second of one check of a table with `rows` rows. Raises ValueError if its result is wrong."""
    _fill(services, rows)
    begun = now()
    missing = count_missing(services, TABLE, INDEX)
    seconds = now() - begun
    if missing:
        raise ValueError(f"the check misses {missing} of {rows} rows, which are all there")
    return rows / seconds


def _fill(services: Services, rows: int) -> None:
    """Recreates the table and its index, with `rows` rows and their documents."""
    database = TABLE.split(".")[0]
    services.execute(f"DROP DATABASE IF EXISTS {database}")
    services.execute(f"CREATE DATABASE {database}")
    services.execute(f"CREATE TABLE {TABLE} (id INT PRIMARY KEY, body TEXT)")
    with httpx.Client(base_url=services.box.search_url, auth=services.search_account, trust_env=False) as client:
        client.delete(f"/{INDEX}")
        client.put(f"/{INDEX}", json={"settings": {"index.knn": True}, "mappings": MAPPING}).raise_for_status()
        for batch in _batches(rows):
            services.execute(f"INSERT INTO {TABLE} VALUES " + ", ".join(f"({id}, 'a row')" for id in batch))
            headers = {"content-type": "application/x-ndjson"}
            client.post(f"/{INDEX}/_bulk", content=_documents(batch), headers=headers).raise_for_status()


def _batches(rows: int) -> Iterator[range]:
    for first in range(1, rows + 1, BATCH):
        yield range(first, min(first + BATCH, rows + 1))


def _documents(ids: range) -> str:
    """Returns the body of a bulk request."""
    document = json.dumps({"text": "a row", "vector": [1.0, 0.5]})
    return "".join(f'{{"index": {{"_id": "{id}"}}}}\n{document}\n' for id in ids)
