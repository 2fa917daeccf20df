"""From rows to documents, and from documents to `_bulk` bodies. Pure.

Values are written as Flink's MySQL source and JSON format write them: a NULL is null, TINYINT(1) a boolean, DECIMAL a
number, a date text without `T`, BLOB Base64, SET a list, and JSON one compact text, not an object.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sandbox.polardb.catalog import Table
from sandbox.polardb.links import LinkRequest
from sandbox.polardb.types import ColumnType, json_text, text_of


def field_value(value: Any, kind: ColumnType) -> Any:
    """One column's value as JSON has it."""
    if value is None:
        return None
    if str(kind) == "tinyint(1)":
        return bool(value)
    if kind.name == "json":
        return json_text(json.loads(value), spaced=False)
    if kind.name == "set":
        return value.split(",") if value else []
    if kind.family == "decimal":
        return float(value) if kind.places else int(value)
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def document(row: Mapping[str, Any], request: LinkRequest, table: Table) -> dict[str, Any]:
    """The document of a row given by column name. A column that was dropped since gives null."""
    columns = {field: table.find(name) for field, name in request.fields}
    return {field: field_value(row.get(one.name), one.type) if one else None for field, one in columns.items()}


def document_id(values: Sequence[Any]) -> str:
    """The key's values as `_id`; several are joined by `_`."""
    return "_".join(text_of(value) for value in values)


def bulk_body(index: str, documents: Iterable[tuple[str, dict[str, Any] | None]]) -> bytes:
    """NDJSON: `index` with the whole document, or `delete` where there is none.

    `update` actions would leave vectors stale: pipelines do not run for them (OpenSearch 2.19, recorded).
    """
    lines: list[Any] = []
    for key, content in documents:
        lines.append({"delete" if content is None else "index": {"_index": index, "_id": key}})
        lines += [] if content is None else [content]
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines).encode()


def failures(answer: Mapping[str, Any]) -> dict[str, str]:
    """Why each item of a `_bulk` answer failed, by `_id`. Deleting what is not there is no failure."""
    results = [pair for item in answer.get("items", ()) for pair in item.items()]
    return {
        one["_id"]: _reason(one)
        for action, one in results
        if one["status"] >= 300 and (action, one["status"]) != ("delete", 404)
    }


def _reason(result: Mapping[str, Any]) -> str:
    error = result.get("error")
    if not isinstance(error, Mapping):
        return f"HTTP {result['status']}: {error or 'no reason given'}"
    return f"{error.get('type')}: {error.get('reason')} (HTTP {result['status']})"
