"""From rows to documents, and from documents to `_bulk` bodies. Pure.

Values are written as Flink's MySQL source and JSON format write them: a NULL is null, TINYINT(1) a boolean, DECIMAL a
number, a date text without `T`, BLOB Base64, SET a list, and JSON one compact text, not an object.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sandbox.polardb.catalog import Table
from sandbox.polardb.links import LinkRequest
from sandbox.polardb.types import ColumnType, json_text, text_of


def field_value(value: Any, kind: ColumnType) -> Any:
    """One column's value as JSON has it."""
    if value is None:
        return None
    special = _SPECIAL.get(str(kind) if str(kind) == "tinyint(1)" else kind.name)
    if special:
        return special(value)
    if kind.family == "decimal":
        return float(value) if kind.places else int(value)
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


_SPECIAL: Mapping[str, Callable[[Any], Any]] = {
    "tinyint(1)": bool,
    "json": lambda value: json_text(json.loads(value), spaced=False),
    "set": lambda value: value.split(",") if value else [],
}


def document(row: Mapping[str, Any], request: LinkRequest, table: Table) -> dict[str, Any]:
    """The document of a row given by column name. A column that was dropped since gives null."""
    found = {}
    for field, name in request.fields:
        column = table.find(name)
        found[field] = field_value(row.get(column.name), column.type) if column else None
    return found


def document_id(values: Sequence[Any]) -> str:
    """The key's values as `_id`; several are joined by `_`."""
    return "_".join(text_of(value) for value in values)


def bulk_body(index: str, documents: Iterable[tuple[str, dict[str, Any] | None]]) -> bytes:
    """NDJSON: `index` with the whole document, or `delete` where there is none.

    `update` actions would leave vectors stale: pipelines do not run for them (OpenSearch 2.19, recorded).
    """
    lines = []
    for key, content in documents:
        target = {"_index": index, "_id": key}
        lines.append(json.dumps({"delete" if content is None else "index": target}, ensure_ascii=False))
        if content is not None:
            lines.append(json.dumps(content, ensure_ascii=False))
    return ("\n".join(lines) + "\n").encode()


def failures(answer: Mapping[str, Any]) -> dict[str, str]:
    """Why each item of a `_bulk` answer failed, by `_id`. Deleting what is not there is no failure."""
    failed = {}
    for item in answer.get("items", ()):
        ((action, result),) = item.items()
        status = int(result.get("status", 200))
        if status >= 300 and not (action == "delete" and status == 404):
            failed[str(result.get("_id"))] = _reason(result, status)
    return failed


def _reason(result: Mapping[str, Any], status: int) -> str:
    error = result.get("error")
    if not isinstance(error, Mapping):
        return f"HTTP {status}: {error or 'no reason given'}"
    return f"{error.get('type')}: {error.get('reason')} (HTTP {status})"
