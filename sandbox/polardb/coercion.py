"""How MySQL brings values of two types together: in arithmetic, in comparisons, in a CASE, in a function's arguments.

SQLite would compare a number with a text by their kinds; MySQL compares them as numbers, texts by collation, and a
date with a text as dates. All of it works on SQL that is translated already, and its type.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from sandbox.polardb.errors import refusal, unsupported
from sandbox.polardb.functions import Function
from sandbox.polardb.literals import literal
from sandbox.polardb.scope import Typed
from sandbox.polardb.types import (
    BIGINT,
    COLLATION,
    DATE,
    DATETIME,
    DOUBLE,
    JSON,
    NULL,
    TEXT,
    VARCHAR,
    ColumnType,
    decimal,
    leading_number,
    moment,
)


def as_number(value: Typed) -> str:
    """SQL for `value` in arithmetic: a text counts as the number it begins with."""
    if value.type.family in ("spatial", "json"):
        raise unsupported(f"{value.type.name.upper()} as a number")
    return value.sql if value.type.numeric or value.type.name == "null" else f"my_number({value.sql})"


def as_text(value: Typed) -> str:
    """SQL that gives `value` as MySQL shows it as text."""
    if value.type.family == "decimal":
        return f"my_decimal_text({value.sql}, {value.type.places})"
    if value.type.family in ("real", "integer", "blob"):
        return f"my_text({value.sql})"
    if value.type.family in ("bit", "spatial"):
        raise unsupported(f"{value.type.name.upper()} as text")
    return value.sql


def as_type(value: Typed, kind: ColumnType) -> str:
    """SQL that gives `value` as one of the alternatives of a result of type `kind`."""
    return as_text(value) if kind.textual and not value.type.textual and value.type.name != "null" else value.sql


def arithmetic_type(kind: ColumnType) -> ColumnType:
    """What a value of type `kind` is in arithmetic: BIGINT, DECIMAL or DOUBLE."""
    if kind.family in ("integer", "bit", "null"):
        return BIGINT
    return decimal(kind.places) if kind.family == "decimal" else DOUBLE


def wider(left: ColumnType, right: ColumnType, *, multiply: bool = False) -> ColumnType:
    """The type of a sum, or of a product, of two such types."""
    if DOUBLE in (left, right):
        return DOUBLE
    if left.family == right.family == "integer":
        return BIGINT
    return decimal(left.places + right.places if multiply else max(left.places, right.places))


def common_type(kinds: Sequence[ColumnType]) -> ColumnType:
    """The type of a result that may be any of these: a UNION's column, a CASE."""
    known = [kind for kind in kinds if kind.name != "null"]
    if not known:
        return NULL
    if all(kind == known[0] for kind in known):
        return known[0]
    if all(kind.numeric for kind in known):
        result = arithmetic_type(known[0])
        for kind in known[1:]:
            result = wider(result, arithmetic_type(kind))
        return result
    if all(kind.family == "temporal" for kind in known):
        raise unsupported("a mix of date types in one result")
    return TEXT


def choice(branches: Sequence[tuple[str, Typed]], results: Sequence[Typed]) -> Typed:
    """A CASE of (condition, result) pairs; the last of `results` is its ELSE."""
    kind = common_type([result.type for result in results])
    whens = " ".join(f"WHEN {test} THEN {as_type(result, kind)}" for test, result in branches)
    return Typed(f"CASE {whens} ELSE {as_type(results[-1], kind)} END", kind)


def compared(left: Typed, sign: str, right: Typed) -> str:
    """SQL for `left sign right`. Raises 1235 for pairs of types that have no exact translation."""
    kinds = (left.type, right.type)
    if any(kind.family == "spatial" for kind in kinds):
        raise unsupported("comparing geometries")
    if any(kind.name == "null" for kind in kinds):
        return f"({left.sql} {sign} {right.sql})"
    if any(kind.family == "temporal" for kind in kinds):
        return _moments_compared(left, sign, right)
    if any(kind.numeric for kind in kinds):
        return f"({_comparable_number(left)} {sign} {_comparable_number(right)})"
    if "json" in (left.type.family, right.type.family):
        raise unsupported("comparing JSON")
    if "blob" in (left.type.family, right.type.family):
        return f"(my_octets({left.sql}) {sign} my_octets({right.sql}))"
    binary = left.type.binary or right.type.binary
    return f"({left.sql} {sign} {right.sql} COLLATE {'BINARY' if binary else COLLATION})"


def _comparable_number(value: Typed) -> str:
    if value.literal and value.type.textual:
        number = leading_number(value.sql[1:-1])
        return repr(number)
    return as_number(value)


def _moments_compared(left: Typed, sign: str, right: Typed) -> str:
    if left.type.numeric or right.type.numeric:
        raise unsupported("comparing dates with numbers")
    families = [value.type.name for value in (left, right) if value.type.family == "temporal"]
    if "time" in families and set(families) != {"time"}:
        raise unsupported("comparing TIME with dates")
    name = "time" if "time" in families else "date" if set(families) == {"date"} and _dates(left, right) else "datetime"
    return f"(my_moment({left.sql}, '{name}') {sign} my_moment({right.sql}, '{name}'))"


def _dates(left: Typed, right: Typed) -> bool:
    # A DATE column against a text with a time of day is compared with the time.
    others = [value for value in (left, right) if value.type.family != "temporal"]
    return all(value.literal and moment(value.sql[1:-1], DATE) == value.sql[1:-1] for value in others)


def converted(value: Typed, target: exp.Expression) -> Typed:
    """CAST and CONVERT. Raises 1235 for targets that have no exact translation."""
    if not isinstance(target, exp.DataType):
        raise unsupported(f"CAST to {target.sql('mysql')}")
    name = target.this.name
    sizes = [int(param.this.this) for param in target.expressions]
    if name == "CHARACTER_SET" and target.text("kind").lower() not in ("utf8mb4", "utf8", "utf8mb3"):
        raise unsupported(f"CONVERT … USING {target.text('kind')}")
    if name in ("BIGINT", "UBIGINT") and not sizes:
        rounded = value.sql if value.type.family == "integer" else f"my_ROUND({as_number(value)})"
        if value.type.textual:
            rounded = f"CAST({value.sql} AS INTEGER)"
        return Typed(rounded, ColumnType("bigint", unsigned=name == "UBIGINT"))
    if name in ("CHAR", "VARCHAR", "TEXT", "CHARACTER_SET"):
        text = as_text(value)
        return Typed(f"my_LEFT({text}, {sizes[0]})" if sizes else text, VARCHAR)
    if name == "DECIMAL":
        scale = sizes[1] if len(sizes) > 1 else 0
        return Typed(f"my_ROUND({as_number(value)}, {scale})", decimal(scale))
    if name == "DOUBLE":
        return Typed(f"CAST({as_number(value)} AS REAL)", DOUBLE)
    if name == "DATE":
        return Typed(f"my_DATE({as_text(value)})", DATE)
    if name in ("DATETIME", "TIMESTAMPTZ", "TIMESTAMP") and value.literal and value.type.textual:
        return literal(moment(value.sql[1:-1], DATETIME), DATETIME)
    if name == "BINARY":
        return Typed(value.sql, ColumnType("varchar", 1024, binary=True)) if value.type.textual else value
    if name == "JSON" and value.type.family == "json":
        return Typed(value.sql, JSON)
    raise unsupported(f"CAST to {target.sql('mysql')}")


def called(name: str, function: Function, values: Sequence[Typed]) -> Typed:
    """A call of a registered function. Raises 1582 for a wrong count of arguments."""
    letters = function.letters(len(values))
    if letters is None:
        raise refusal(1582, name)
    parts = [_argument(letter, value) for letter, value in zip(letters, values, strict=True)]
    if isinstance(function.result, ColumnType):
        return Typed(f"my_{name}({', '.join(parts)})", function.result)
    kinds = [value.type for value in values]
    if name in ("GREATEST", "LEAST") and len({kind.numeric for kind in kinds}) > 1:
        raise unsupported(f"{name} of text and numbers")
    return Typed(f"my_{name}({', '.join(parts)})", function.result(kinds))


def _argument(letter: str, value: Typed) -> str:
    return as_text(value) if letter == "t" else as_number(value) if letter == "n" else value.sql


def aggregated(name: str, value: Typed, distinct: str) -> Typed:
    """COUNT, SUM, AVG, MIN or MAX of `value`."""
    if name == "COUNT":
        collate = f" COLLATE {COLLATION}" if distinct and value.type.textual and not value.type.binary else ""
        return Typed(f"COUNT({distinct}{value.sql}{collate})", BIGINT, nullable=False)
    if name in ("MIN", "MAX"):
        collate = f" COLLATE {COLLATION}" if value.type.textual and not value.type.binary else ""
        return Typed(f"{name}({value.sql}{collate})", value.type)
    number = arithmetic_type(value.type)
    if name == "AVG":
        kind = DOUBLE if number == DOUBLE else decimal(number.places + 4)
        return Typed(f"AVG({distinct}{as_number(value)})", kind)
    kind = decimal(0) if number == BIGINT else number
    return Typed(f"SUM({distinct}{as_number(value)})", kind)
