"""Embedding services: what the documentation of each says of its models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class KnownModel:
    """A model as its service documents it: the `dimensions` it offers; the most `texts` it takes in
    a request; the most `tokens` of one text.
    """

    dimensions: tuple[int, ...] = ()
    texts: int | None = None
    tokens: int | None = None


UNKNOWN = KnownModel()
"""A model that is in no table."""

MODEL_STUDIO: Mapping[str, KnownModel] = {
    "text-embedding-v4": KnownModel((2048, 1536, 1024, 768, 512, 256, 128, 64), 10, 8192),
    "text-embedding-v3": KnownModel((1024, 768, 512, 256, 128, 64), 10, 8192),
    "text-embedding-v2": KnownModel((1536,), 25, 2048),
    "text-embedding-v1": KnownModel((1536,), 25, 2048),
}
"""Alibaba Cloud Model Studio (its documentation of text embedding)."""
