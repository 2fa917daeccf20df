"""ML Commons' pre- and post-process functions: what turns texts into a request, and an answer into vectors.

A connector names a built-in function, or has a Painless script in its place. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PRE, POST = "connector.pre_process.", "connector.post_process."

BUILT_IN = frozenset(
    {f"{kind}{service}.embedding" for kind in (PRE, POST) for service in ("openai", "cohere", "default", "bedrock")}
    | {f"{POST}cohere_v2.embedding.{kind}" for kind in ("float", "int8")}
    | {f"{PRE}bedrock.nova.text_embedding", f"{POST}bedrock.nova.embedding", f"{POST}bedrock_v2.embedding.float"}
)
"""The functions for texts and their vectors (ml-commons, MLPreProcessFunction and MLPostProcessFunction)."""


@dataclass(frozen=True)
class Filled:
    """The parameter that a pre-process function fills: a list of texts, or one text, which needs quotes around it."""

    name: str
    one: bool = False


FILLED: Mapping[str, Filled] = {
    f"{PRE}openai.embedding": Filled("input"),
    f"{PRE}default.embedding": Filled("input"),
    f"{PRE}cohere.embedding": Filled("texts"),
    f"{PRE}bedrock.embedding": Filled("inputText", one=True),
    f"{PRE}bedrock.nova.text_embedding": Filled("inputText", one=True),
}

VECTORS_AT: Mapping[str, str] = {
    f"{POST}openai.embedding": "$.data[*].embedding",
    f"{POST}cohere.embedding": "$.embeddings",
    f"{POST}default.embedding": "$[*]",
    f"{POST}bedrock.embedding": "$.embedding",
    f"{POST}cohere_v2.embedding.float": "$.embeddings.float",
    f"{POST}cohere_v2.embedding.int8": "$.embeddings.int8",
}
"""Where a post-process function finds the vectors, if no `response_filter` says another path."""

_STEP = re.compile(r"\.(?P<name>\w+)|\['(?P<quoted>[^']+)'\]|\[\*\]")


def is_readable(path: str) -> bool:
    """Tells whether a JSON path has names and stars alone."""
    return path.startswith("$") and not _STEP.sub("", path[1:])


def values_at(value: Any, path: str) -> Any:
    """Returns what is at such a path: a list of all where it has a star; None where there is nothing."""
    found = [value]
    for step in _STEP.finditer(path):
        name = step["name"] or step["quoted"]
        found = [inner for each in found for inner in _inside(each, name)]
    return found if "[*]" in path else next(iter(found), None)


def _inside(value: Any, name: str | None) -> list[Any]:
    if name is None:
        return list(value) if isinstance(value, list) else []
    return [value[name]] if isinstance(value, dict) and name in value else []


def is_built_in(function: str) -> bool:
    """Tells whether a function is named, and not written out as a script."""
    return re.fullmatch(r"connector\.[\w.]+", function) is not None


def prefixing(filled: Filled, prefix: str) -> str:
    """Returns a script that fills the parameter with every text after a prefix.

    The texts come in as JSON writes them, without the quotes (ml-commons, ConnectorUtils.escapeMLInput).
    """
    if filled.one:
        start = _literal(f'{{"parameters":{{"{filled.name}":"{_in_json(prefix)}')
        return f"return {start} + params.text_docs[0] + {_literal(chr(34) + '}}')};"
    start, between = _literal(f'{{"parameters":{{"{filled.name}":['), _literal(f'"{_in_json(prefix)}')
    return (
        f"StringBuilder body = new StringBuilder({start}); "
        "for (int i = 0; i < params.text_docs.length; i++) { "
        'if (i > 0) { body.append(","); } '
        f"body.append({between}); body.append(params.text_docs[i]); body.append({_literal(chr(34))}); "
        '} body.append("]}}"); return body.toString();'
    )


def _in_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _literal(text: str) -> str:
    """Returns a text as Painless writes it, which knows two escapes alone."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
