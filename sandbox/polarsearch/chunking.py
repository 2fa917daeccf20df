"""The processor `text_chunking`, by its algorithm `fixed_token_length` with the standard tokenizer."""

from __future__ import annotations

import unicodedata
from typing import Any

from sandbox.polarsearch.analysis import spans_of
from sandbox.polarsearch.errors import not_here
from sandbox.polarsearch.texts import is_blank

_UNSURE = frozenset({"Mn", "Mc", "Me", "No", "So", "Sk", "Cf"})
"""Categories of characters that the sandbox's tokenizer may cut in another way: accents on their own, emoji, …"""


def act(config: dict[str, Any], source: dict[str, Any], most_tokens: int) -> None:
    """Chunk the texts of a document. `most_tokens` is the index's `analyze.max_token_count`."""
    given = config["algorithm"].get("fixed_token_length", {})
    size, overlap = int(given.get("token_limit", 384)), float(given.get("overlap_rate", 0))
    options = size, overlap, int(given.get("max_chunk_limit", 100))
    for name, target in config["field_map"].items():
        text = source.get(name)
        if not isinstance(text, (str, type(None))) or "." in name:
            raise not_here(f"[{name}] can only be a text, and not inside of an object")
        source[target] = [] if text is None or is_blank(text) else _chunks(text, most_tokens, *options)


def _chunks(text: str, most_tokens: int, size: int, overlap: float, most: int) -> list[str]:
    unsure = next((each for each in text if not each.isascii() and unicodedata.category(each) in _UNSURE), None)
    if unsure:
        raise not_here(f"a text with [{unsure}], U+{ord(unsure):04X}, is not chunked")
    starts = [start for start, _ in spans_of(text)]
    if len(starts) > most_tokens:
        raise not_here(f"The number of tokens has exceeded the allowed maximum of [{most_tokens}]")
    chunks: list[str] = []
    for at in range(0, len(starts), size - int(size * overlap)):
        begin = starts[at] if at else 0
        if len(chunks) + 1 == most or at + size >= len(starts):
            return [*chunks, text[begin:]]
        chunks.append(text[begin : starts[at + size]])
    return chunks
