"""What an embedding service answered with, where it is not the vector that a model was declared with. Pure.

ML Commons reads vectors of numbers alone; base64 text, packed bits and sparse weights are other forms of an embedding
that services offer, and are named for what they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

VectorType = Literal["float", "byte"]
"""What a vector's numbers are; bytes are whole and from -128 to 127."""

BYTES = range(-128, 128)

ASKED = re.compile(r"\b(base64|ubinary|binary|uint8|int8|sparse)\b")
"""Forms of an embedding, as requests of many services name them (`encoding_format`, `embedding_types`, `output_dtype`,
`embedding_type`, `output_type`).
"""

FORMS: Mapping[str, str] = {
    "base64": "base64 text, not numbers: ask for floats, or leave the encoding out",
    "binary": "packed bits, eight dimensions in a number: ask for floats or int8",
    "ubinary": "packed bits, eight dimensions in a number: ask for floats or int8",
    "uint8": "whole numbers from 0 to 255 (uint8), which no vector field takes: ask for floats or int8",
    "int8": "whole numbers from -128 to 127 (int8): ask for floats, or write `vector_type: byte`",
    "sparse": "sparse weights, not a vector: ask for dense vectors",
}
"""The forms that are no vectors of floats, and what to do about them."""

NOTHING = (
    "nothing where the vectors should be: check `post_process_function`, or name their place in the answer with the "
    "parameter `response_filter`"
)

NO_VECTORS = "text or objects where vectors of numbers should be: ask for floats"
NO_NUMBERS = "vectors that hold no numbers: ask for dense vectors of floats"
NO_LIST = (
    "no list where the vectors should be, such as vectors by type: name their place in the answer with the parameter "
    "`response_filter`"
)

UNREADABLE: Mapping[str, str] = {
    r"List containing List of Float values": NO_VECTORS,
    r"non-empty List containing Float values": NO_NUMBERS,
    r"input is not a List": NO_LIST,
    r"No results for path|Missing property in path|Expected to find an object": NOTHING,
}
"""Causes that ML Commons gives (probed on 2.19.1), and what was answered."""


def vector_of(answer: Mapping[str, Any]) -> list[Any]:
    """Returns the vector that a prediction for one text answered with; empty when there is none."""
    return next(iter(vectors_of(answer)), [])


def vectors_of(answer: Mapping[str, Any]) -> list[list[Any]]:
    """Returns the vectors that a prediction for several texts answered with."""
    outputs = [output for result in answer.get("inference_results", []) for output in result.get("output", [])]
    return [list(output.get("data", [])) for output in outputs]


def unreadable(reason: str) -> str:
    """Returns what was answered where ML Commons could not read it; empty for any other error."""
    return next((what for text, what in UNREADABLE.items() if re.search(text, reason)), "")


def unread(found: Any) -> str:
    """Returns what stands where the vectors should be; empty where they are lists of numbers."""
    if not isinstance(found, list):
        return NOTHING if found is None else NO_LIST
    if not found:
        return NOTHING
    if not all(isinstance(vector, list) for vector in found):
        return NO_VECTORS
    return "" if all(_is_number(number) for vector in found for number in vector) else NO_NUMBERS


def misfit(vector: Sequence[Any], dimension: int, vector_type: VectorType) -> str:
    """Returns what was answered in place of a vector of this length and type; empty when it is one."""
    if not vector:
        return NOTHING
    if len(vector) * 8 == dimension and _whole(vector):
        return FORMS["binary"]
    if len(vector) != dimension:
        return (
            f"vectors of {len(vector)} numbers, `dimension` says {dimension}; "
            f"set `dimension` to {len(vector)}, or name a model that has {dimension}"
        )
    return _wrong_numbers(vector, vector_type)


def named(what: str, request: Callable[[], str]) -> str:
    """Returns what was answered; where only the request tells, which `request` returns, by the form it asks for."""
    if what not in {NOTHING, *UNREADABLE.values()}:
        return what
    found = ASKED.search(request())
    return FORMS[found[1]] if found else what


def _wrong_numbers(vector: Sequence[Any], vector_type: VectorType) -> str:
    whole = _whole(vector)
    form = "" if not whole else "int8" if all(number in BYTES for number in vector) else "uint8"
    if vector_type == "byte":
        floats = "floats, not bytes: ask for int8, or write `vector_type: float`"
        return FORMS["uint8"] if form == "uint8" else "" if form else floats
    return FORMS[form] if whole and max(map(abs, vector)) > 1 else ""  # a vector of floats may hold ones and zeros


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(vector: Sequence[Any]) -> bool:
    return all(float(number).is_integer() for number in vector)
