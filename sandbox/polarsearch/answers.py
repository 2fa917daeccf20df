"""Post-process functions: a remote service's answer as vectors, and what ML Commons says of one that it cannot read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from sandbox.polarsearch.errors import ApiError, illegal_argument, not_here
from sandbox.polarsearch.shapes import is_number

Output = dict[str, Any]
_ONE = "connector.post_process.bedrock.embedding"
_PATHS = {
    "connector.post_process.openai.embedding": "$.data[*].embedding",
    "connector.post_process.cohere.embedding": "$.embeddings",
    "connector.post_process.default.embedding": "$[*]",
    _ONE: "$.embedding",
}
_STEP = re.compile(r"\.(?P<name>\w+)|\['(?P<quoted>[^']+)'\]|(?P<all>\[\*\]|\.\*)")
_PROVIDER = "com.jayway.jsonpath.spi.json.JsonSmartJsonProvider"
_JAVA = {str: "java.lang.String", list: "net.minidev.json.JSONArray", bool: "java.lang.Boolean"}
_JAVA |= {int: "java.lang.Integer", float: "java.lang.Double"}
_NO_LIST = "Post process function input is not a List."
_NO_ROWS = "The embedding should be a non-empty List containing List of Float values."
_NO_NUMBERS = "The embedding should be a non-empty List containing Float values."


def outputs(text: str, function: str | None, path: str | None) -> list[Output]:
    """The tensors that an answer is read as. Raises what a prediction fails with."""
    if function not in _PATHS:
        raise not_here(f"post_process_function [{function}] is not supported")
    try:
        vectors = _vectors(found(_parsed(text), path or _PATHS[function]), one=function == _ONE)
    except ApiError as cause:
        raise cause if cause.ours else unread(cause) from None
    return [
        {"name": "sentence_embedding", "data_type": "FLOAT32", "shape": [len(each)], "data": each} for each in vectors
    ]


def unread(cause: ApiError) -> ApiError:
    """What every failure to read an answer looks like, whoever was called."""
    return ApiError(500, "m_l_exception", "Fail to execute PREDICT in aws connector", cause=cause)


def found(value: Any, path: str) -> Any:
    """What is at a JSON path of names and stars. Raises path_not_found_exception."""
    steps = list(_STEP.finditer(path, 1))
    if not path.startswith("$") or "".join(step[0] for step in steps) != path[1:]:
        raise not_here(f"response_filter [{path}] is not supported")
    values, definite, at = [value], True, "$"
    for step in steps:
        name, last = step["name"] or step["quoted"], step is steps[-1]
        if name is None:
            values, definite = [each for inside in values for each in _all(inside)], False
        else:
            values = [each for inside in values for each in _named(inside, name, at, definite=definite, last=last)]
        at += f"['{name}']" if name else "[*]"
    return values[0] if definite else values


def _all(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _named(value: Any, name: str, at: str, *, definite: bool, last: bool) -> Iterator[Any]:
    if isinstance(value, dict) and name in value:
        yield value[name]
    elif not definite and (last or not isinstance(value, dict)):
        return
    elif isinstance(value, dict):
        raise _no_path(f"{'No results for path:' if last else 'Missing property in path'} {at}['{name}']")
    else:
        java = _JAVA.get(type(value), "null")
        raise _no_path(
            f"Expected to find an object with property ['{name}'] in path {at} but found '{java}'. This is not a json "
            f"object according to the JsonProvider: '{_PROVIDER}'."
        )


def _no_path(reason: str) -> ApiError:
    return ApiError(500, "path_not_found_exception", reason)


def _vectors(value: Any, *, one: bool) -> list[Any]:
    if not isinstance(value, list):
        raise illegal_argument(_NO_LIST)
    rows: list[Any] = [value] if one else value
    if rows and not isinstance(rows[0], list):
        raise illegal_argument(_NO_ROWS)
    if one and not value:
        raise not_here("an empty vector is not supported")
    if rows and not (rows[0] and is_number(rows[0][0])):
        raise illegal_argument(_NO_NUMBERS)
    if not all(isinstance(row, list) and all(map(is_number, row)) for row in rows):
        raise not_here("vectors of which only the first holds numbers are not supported")
    return rows


def _parsed(text: str) -> Any:
    """JSON, or the text itself: the reader of a real node is a lenient one."""
    try:
        return json.loads(text)
    except ValueError:
        return text
