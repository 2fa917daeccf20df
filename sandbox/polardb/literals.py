"""Values known before a query runs, and the check that nothing a parser understood is passed over in silence."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from sandbox.polardb.errors import unsupported
from sandbox.polardb.scope import Typed
from sandbox.polardb.types import BIGINT, DOUBLE, NULL, ColumnType, decimal, quoted


def only(node: exp.Expression, *handled: str) -> None:
    """Raises 1235 when `node` says more than its translation knows about."""
    for key, value in node.args.items():
        if value and key not in handled:
            raise unsupported(f"{key.strip('_').replace('_', ' ').upper()} in {type(node).__name__.upper()}")


def literal(value: Any, kind: ColumnType) -> Typed:
    """A value that is known before the query runs."""
    if value is None:
        return Typed("NULL", NULL, literal=True)
    if isinstance(value, bytes):
        return Typed(f"X'{value.hex()}'", kind, nullable=False, literal=True)
    if isinstance(value, str):
        if "\0" in value:
            return Typed(f"CAST(X'{value.encode().hex()}' AS TEXT)", kind, nullable=False, literal=True)
        return Typed(quoted(value), kind, nullable=False, literal=True)
    return Typed(repr(value), kind, nullable=False, literal=True)


def constant_value(node: exp.Expression) -> Any:
    """The value of a literal; raises LookupError for anything that has to be computed."""
    if isinstance(node, exp.Literal):
        return node.this if node.is_string else _numeric(node.this)
    if isinstance(node, exp.Null):
        return None
    if isinstance(node, exp.Boolean):
        return int(node.this)
    if isinstance(node, exp.HexString):
        return bytes.fromhex(node.this.zfill(len(node.this) + len(node.this) % 2))
    if isinstance(node, exp.BitString):
        return int(node.this, 2).to_bytes((len(node.this) + 7) // 8, "big")
    if isinstance(node, exp.National):
        return node.this
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal) and not node.this.is_string:
        value = _numeric(node.this.this)
        return -value if isinstance(value, (int, float)) else f"-{value}"
    if isinstance(node, exp.Introducer) and isinstance(node.expression, exp.Literal):
        text = node.expression.this
        return text.encode("utf-8", "surrogateescape") if node.this.lower() == "_binary" else text
    raise LookupError(type(node).__name__)


def _numeric(text: str) -> int | float | str:
    # A decimal of many digits stays text, so that nothing is lost before the column's type is known.
    if text.isdecimal():
        return int(text)
    return text if len(text) > 15 and "e" not in text.lower() else float(text)


def number_literal(text: str) -> Typed:
    """A number as written: its digits after the point are part of its type."""
    if text.isdecimal():
        return Typed(text, BIGINT, nullable=False, literal=True)
    kind = DOUBLE if "e" in text.lower() else decimal(len(text.partition(".")[2]))
    return Typed(text if not text.startswith(".") else f"0{text}", kind, nullable=False, literal=True)
