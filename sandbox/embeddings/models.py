"""A model as the service sees it: something that turns texts into vectors, and the limits it is offered under.

Only the hashing models return any dimension asked for; MiniLM has one, and Model Studio's sells eight.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import hashing
from .minilm import DIMENSION, MiniLM

Vectors = NDArray[np.float32]

# Model Studio's list for text-embedding-v4 (help.aliyun.com, "Text embedding synchronous API").
TEXT_EMBEDDING_V4 = (2048, 1536, 1024, 768, 512, 256, 128, 64)


@dataclass(frozen=True)
class Model:
    """`embed(texts, dimension)` gives one row of length 1 (L2) per text; `count` gives the tokens of a text."""

    embed: Callable[[Sequence[str], int], Vectors]
    count: Callable[[str], int]
    dimensions: Collection[int]
    default: int
    max_texts: int = 10
    max_tokens: int = 8192


def catalogue() -> Mapping[str, Model]:
    """The models of the sandbox by name. Weights are read at the first text, not here."""
    minilm = MiniLM()
    return {
        "all-MiniLM-L6-v2": Model(minilm.embed, minilm.count, (DIMENSION,), DIMENSION),
        "hashing": Model(hashing.embed, hashing.count, range(1, 16_001), 1024),
        "text-embedding-v4": Model(hashing.embed, hashing.count, TEXT_EMBEDDING_V4, 1024),
    }
