"""How much memory and disk vectors take: k-NN's formulas (OpenSearch docs: k-NN methods and engines, vector
quantization). Pure.

HNSW takes 1.1 × (bytes of a vector + 8 × m) for each vector, of each copy of a shard. Of lucene's engine nothing of it
is native memory: its files are in the page cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers.services.vector import Vector

M = 16
"""HNSW's default `m`."""

OVERHEAD = 1.1
ON_DISK = {"faiss": 32, "lucene": 4}
"""How often smaller vectors are with `mode: on_disk`, where no `compression_level` says."""

IN_SOURCE = 11
"""Bytes of a number in JSON, as `_source` keeps vectors before OpenSearch 3.0."""

FLOAT_BITS = 32


@dataclass(frozen=True)
class Space:
    """What the vectors of a field take, in bytes, over all copies: `native_memory` in k-NN's cache, `disk` in files."""

    native_memory: int
    disk: int


def space(vector: Vector, vectors: int, copies: int, *, in_source: bool) -> Space:
    """Returns what so many vectors take; `in_source` is whether `_source` keeps them, too."""
    graph = OVERHEAD * (vector.dimension * bits(vector) / 8 + 8 * m_of(vector))
    native = 0 if vector.engine == "lucene" else graph
    flat = vector.dimension * (8 if vector.data_type else FLOAT_BITS) / 8
    disk = graph + flat + (IN_SOURCE * vector.dimension if in_source else 0)
    return Space(round(native * vectors * copies), round(disk * vectors * copies))


def m_of(vector: Vector) -> int:
    """Returns how many neighbours each vector has in the graph."""
    m = vector.parameters.get("m", M)
    return m if isinstance(m, int) else M


def bits(vector: Vector) -> float:
    """Returns the bits of a number in memory."""
    if vector.data_type:
        return 8
    if vector.compression_level:
        return FLOAT_BITS / int(vector.compression_level.removesuffix("x"))
    if vector.mode == "on_disk":
        return FLOAT_BITS / ON_DISK.get(vector.engine, 1)
    return _encoded_bits(vector.parameters.get("encoder"), vector.engine)


def _encoded_bits(encoder: Any, engine: str) -> float:
    """Returns the bits of an encoder: sq has 16 in faiss and 7 in lucene unless it says, binary 1."""
    if not isinstance(encoder, Mapping) or encoder.get("name") not in ("sq", "binary"):
        return FLOAT_BITS
    default = 1 if encoder["name"] == "binary" else 7 if engine == "lucene" else 16
    given = encoder.get("parameters", {}).get("bits", default)
    return 8 if given == 7 else float(given)
