"""Converts rows of the binlog or a SELECT to documents, and documents to a `_bulk` body. Pure."""

from __future__ import annotations

import base64
import datetime
import decimal
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.polardb.joins import Joins


@dataclass(frozen=True)
class Link:
    """A link from `table` (`database.name`) to `index`: `fields` maps fields to columns, `key` identifies a row.

    With `joins` it follows a query, whose first table is `table` and whose outputs are the fields, in their order.
    """

    id: int
    table: str
    index: str
    fields: Mapping[str, str]
    key: Sequence[str]
    joins: Joins | None = None

    @property
    def tables(self) -> list[str]:
        """Every table whose changes it follows."""
        members = self.joins.members if self.joins else []
        return [f"{member.schema}.{member.name}" for member in members] or [self.table]


def document(row: Mapping[str, Any], link: Link) -> dict[str, Any]:
    """Returns the document of a row. A dropped column gives null, as in AutoETL's rules for DDL."""
    return {field: value(row.get(column)) for field, column in link.fields.items()}


def joined_document(row: Sequence[Any], link: Link) -> tuple[str, dict[str, Any]]:
    """Returns id and document of a query's row, whose last values are the key's."""
    values = [value(raw) for raw in row]
    return "_".join(map(str, values[len(link.fields) :])), dict(zip(link.fields, values, strict=False))


def document_id(row: Mapping[str, Any], link: Link) -> str:
    """Returns the values of the key, joined by `_`."""
    return "_".join(str(value(row[column])) for column in link.key)


def value(raw: Any) -> Any:
    """Returns a value of MySQL as JSON."""
    if isinstance(raw, decimal.Decimal):
        return int(raw) if raw == raw.to_integral_value() else float(raw)
    if isinstance(raw, (datetime.date, datetime.timedelta)):
        return str(raw)
    if isinstance(raw, (set, frozenset)):
        return sorted(raw)
    return base64.b64encode(raw).decode() if isinstance(raw, bytes) else raw


def bulk_body(index: str, documents: Mapping[str, Any]) -> bytes:
    """Returns NDJSON: `index` with the whole document, so that pipelines run, or `delete` for None."""
    lines = []
    for key, content in documents.items():
        lines.append({"delete" if content is None else "index": {"_index": index, "_id": key}})
        if content is not None:
            lines.append(content)
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


def failures(answer: Mapping[str, Any]) -> dict[str, str]:
    """Returns the reason of each failed item, by `_id`. The delete of a missing document is no failure."""
    failed = {}
    for item in answer["items"]:
        [(action, result)] = item.items()
        if result["status"] >= 300 and not (action == "delete" and result["status"] == 404):
            error = result.get("error", {})
            failed[result["_id"]] = f"{error.get('type')}: {error.get('reason')} (HTTP {result['status']})"
    return failed
