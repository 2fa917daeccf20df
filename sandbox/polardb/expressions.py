"""MySQL's expressions into SQLite's, with their types.

A node that is not in the table is refused (1235): what cannot be translated exactly is an error. Types decide the
translation: text compares by collation, a number with a text as numbers, a date with a text as dates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sqlglot import exp

from sandbox.polardb.errors import refusal, unsupported
from sandbox.polardb.functions import FUNCTIONS, Function
from sandbox.polardb.scope import Scope, Typed
from sandbox.polardb.types import (
    BIGINT,
    BLOB,
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
    quoted,
)

AGGREGATES = ("COUNT", "SUM", "AVG", "MIN", "MAX", "GROUP_CONCAT")


class Surroundings(Protocol):
    """What an expression may ask of the session it runs in."""

    def variable(self, name: str, scope: str) -> tuple[Any, ColumnType]: ...
    def constant(self, name: str) -> tuple[Any, ColumnType] | None: ...
    def call(self, name: str) -> str | None: ...


Subquery = Callable[[exp.Expression, Scope], "tuple[str, list[Typed]]"]


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


class Expressions:
    """Translates expressions; `subquery` translates the queries inside them."""

    def __init__(self, surroundings: Surroundings, subquery: Subquery) -> None:
        self._surroundings = surroundings
        self._subquery = subquery

    def translate(self, node: exp.Expression, scope: Scope) -> Typed:
        """Raises SqlError: an unknown column, a wrong count of arguments, or 1235."""
        handler = _HANDLERS.get(type(node))
        if handler is None:
            raise unsupported(_shown(node))
        return handler(self, node, scope)

    def condition(self, node: exp.Expression, scope: Scope) -> str:
        """As a truth value: text is true when it begins with a number other than 0."""
        return self._truth(self.translate(node, scope))

    def _truth(self, value: Typed) -> str:
        return f"my_number({value.sql})" if value.type.family in ("text", "enum", "blob") else value.sql

    # Values

    def _literal(self, node: exp.Expression, _scope: Scope) -> Typed:
        value = constant_value(node)
        if isinstance(node, exp.Literal) and not node.is_string:
            return _number_literal(node.this)
        if isinstance(node, exp.Neg):
            positive = _number_literal(node.this.this)
            return Typed(f"(-{positive.sql})", positive.type, nullable=False, literal=True)
        kind = BLOB if isinstance(value, bytes) else BIGINT if isinstance(value, int) else VARCHAR
        return literal(value, kind)

    def _negative(self, node: exp.Expression, scope: Scope) -> Typed:
        if isinstance(node.this, exp.Literal) and not node.this.is_string:
            return self._literal(node, scope)
        value = self.translate(node.this, scope)
        return Typed(f"(-{_as_number(value)})", _arithmetic_type(value.type))

    def _column(self, node: exp.Expression, scope: Scope) -> Typed:
        only(node, "this", "table", "db")
        if isinstance(node.this, exp.Star):
            raise unsupported("* inside an expression")
        if not node.args.get("table") and node.name.lower() == "default" and not node.this.args.get("quoted"):
            raise unsupported("DEFAULT inside an expression")
        return scope.resolve(node.name, node.text("table"), node.text("db"))

    def _variable(self, node: exp.Expression, _scope: Scope) -> Typed:
        value, kind = self._surroundings.variable(node.name, (node.text("kind") or "").lower())
        return literal(value, kind)

    def _paren(self, node: exp.Expression, scope: Scope) -> Typed:
        inner = self.translate(node.this, scope)
        return Typed(f"({inner.sql})", inner.type, literal=inner.literal)

    def _scalar(self, node: exp.Expression, scope: Scope) -> Typed:
        only(node, "this")
        sql, columns = self._subquery(node.this, scope)
        if len(columns) != 1:
            raise refusal(1241, 1)
        return Typed(f"({sql})", columns[0].type)

    def _joined_literals(self, node: exp.Expression, scope: Scope) -> Typed:
        # 'a' 'b' is one string.
        parts = node.args["expressions"]
        return literal("".join(constant_value(part) for part in parts), VARCHAR)

    # Operators

    def _arithmetic(self, node: exp.Expression, scope: Scope) -> Typed:
        left, right = self.translate(node.this, scope), self.translate(node.expression, scope)
        if "temporal" in (left.type.family, right.type.family):
            raise unsupported("arithmetic with dates")
        kind = _wider(_arithmetic_type(left.type), _arithmetic_type(right.type), multiply=isinstance(node, exp.Mul))
        sign = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}[type(node)]
        return Typed(f"({_as_number(left)} {sign} {_as_number(right)})", kind)

    def _quotient(self, node: exp.Expression, scope: Scope) -> Typed:
        left, right = self.translate(node.this, scope), self.translate(node.expression, scope)
        real = "double" in (_arithmetic_type(left.type).name, _arithmetic_type(right.type).name)
        kind = DOUBLE if real else decimal(left.type.places + 4)
        return Typed(f"(CAST({_as_number(left)} AS REAL) / {_as_number(right)})", kind)

    def _called_operator(self, node: exp.Expression, scope: Scope) -> Typed:
        name = {exp.IntDiv: "DIV", exp.Mod: "MOD"}[type(node)]
        left, right = self.translate(node.this, scope), self.translate(node.expression, scope)
        kind = BIGINT if name == "DIV" else _wider(_arithmetic_type(left.type), _arithmetic_type(right.type))
        return Typed(f"my_{name}({_as_number(left)}, {_as_number(right)})", kind)

    def _bits(self, node: exp.Expression, scope: Scope) -> Typed:
        sign = {exp.BitwiseAnd: "&", exp.BitwiseOr: "|"}[type(node)]
        left, right = self.translate(node.this, scope), self.translate(node.expression, scope)
        if not (left.type.family == right.type.family == "integer"):
            raise unsupported("bit operators on anything but whole numbers")
        return Typed(f"({left.sql} {sign} {right.sql})", BIGINT)

    def _logic(self, node: exp.Expression, scope: Scope) -> Typed:
        left, right = self.condition(node.this, scope), self.condition(node.expression, scope)
        if isinstance(node, exp.Xor):
            return Typed(f"((({left}) <> 0) <> (({right}) <> 0))", BIGINT)
        return Typed(f"({left} {'AND' if isinstance(node, exp.And) else 'OR'} {right})", BIGINT)

    def _not(self, node: exp.Expression, scope: Scope) -> Typed:
        return Typed(f"(NOT {self.condition(node.this, scope)})", BIGINT)

    def _comparison(self, node: exp.Expression, scope: Scope) -> Typed:
        if isinstance(node.this, exp.Tuple) or isinstance(node.expression, (exp.Tuple, exp.Any, exp.All)):
            return self._row_comparison(node, scope)
        left, right = self.translate(node.this, scope), self.translate(node.expression, scope)
        return Typed(_compared(left, _SIGNS[type(node)], right), BIGINT)

    def _row_comparison(self, node: exp.Expression, scope: Scope) -> Typed:
        if not (type(node) is exp.EQ and isinstance(node.this, exp.Tuple) and isinstance(node.expression, exp.Tuple)):
            raise unsupported(_shown(node))
        return Typed(self._rows_equal(node.this, node.expression, scope), BIGINT)

    def _rows_equal(self, left: exp.Tuple, right: exp.Tuple, scope: Scope) -> str:
        if len(left.expressions) != len(right.expressions):
            raise refusal(1241, len(left.expressions))
        pairs = zip(left.expressions, right.expressions, strict=True)
        parts = (_compared(self.translate(a, scope), "=", self.translate(b, scope)) for a, b in pairs)
        return f"({' AND '.join(parts)})"

    def _is(self, node: exp.Expression, scope: Scope) -> Typed:
        if isinstance(node.expression, exp.Null):
            return Typed(f"({self.translate(node.this, scope).sql} IS NULL)", BIGINT)
        if isinstance(node.expression, exp.Boolean):
            wanted = "TRUE" if node.expression.this else "FALSE"
            return Typed(f"(({self.condition(node.this, scope)}) IS {wanted})", BIGINT)
        raise unsupported(_shown(node))

    def _in(self, node: exp.Expression, scope: Scope) -> Typed:
        only(node, "this", "expressions", "query")
        if node.args.get("query"):
            return self._in_query(node, scope)
        if isinstance(node.this, exp.Tuple):
            rows = [self._rows_equal(node.this, row, scope) for row in node.expressions]
            return Typed(f"({' OR '.join(rows)})", BIGINT)
        left = self.translate(node.this, scope)
        parts = [_compared(left, "=", self.translate(item, scope)) for item in node.expressions]
        return Typed(f"({' OR '.join(parts)})", BIGINT)

    def _in_query(self, node: exp.Expression, scope: Scope) -> Typed:
        query = node.args["query"]
        sql, columns = self._subquery(query.this if isinstance(query, exp.Subquery) else query, scope)
        if isinstance(node.this, exp.Tuple) or len(columns) != 1:
            raise unsupported("IN (SELECT …) of several columns") if len(columns) > 1 else refusal(1241, 1)
        left = self.translate(node.this, scope)
        if left.type.numeric != columns[0].type.numeric:
            raise unsupported("IN (SELECT …) between text and numbers")
        collate = f" COLLATE {COLLATION}" if left.type.textual and not left.type.binary else ""
        return Typed(f"({left.sql}{collate} IN ({sql}))", BIGINT)

    def _between(self, node: exp.Expression, scope: Scope) -> Typed:
        only(node, "this", "low", "high")
        value = self.translate(node.this, scope)
        low, high = (self.translate(node.args[key], scope) for key in ("low", "high"))
        return Typed(f"({_compared(value, '>=', low)} AND {_compared(value, '<=', high)})", BIGINT)

    def _like(self, node: exp.Expression, scope: Scope) -> Typed:
        escaped = node.find_ancestor(exp.Escape) is node.parent and isinstance(node.parent, exp.Escape)
        return self._like_sql(node, None if not escaped else node.parent, scope)

    def _escape(self, node: exp.Expression, scope: Scope) -> Typed:
        return self._like_sql(node.this, node, scope)

    def _like_sql(self, node: exp.Expression, escape: exp.Expression | None, scope: Scope) -> Typed:
        if not isinstance(node, exp.Like) or isinstance(node.expression, (exp.Any, exp.All)):
            raise unsupported(_shown(node))
        text, wanted = (as_text(self.translate(part, scope)) for part in (node.this, node.expression))
        extra = f", {quoted(constant_value(escape.expression))}" if escape else ""
        return Typed(f"my_like({text}, {wanted}{extra})", BIGINT)

    def _regexp(self, node: exp.Expression, scope: Scope) -> Typed:
        only(node, "this", "expression")
        text, wanted = (as_text(self.translate(part, scope)) for part in (node.this, node.expression))
        return Typed(f"my_regexp({wanted}, {text})", BIGINT)

    def _exists(self, node: exp.Expression, scope: Scope) -> Typed:
        sql, _ = self._subquery(node.this.this if isinstance(node.this, exp.Subquery) else node.this, scope)
        return Typed(f"EXISTS ({sql})", BIGINT)

    def _collate(self, node: exp.Expression, scope: Scope) -> Typed:
        name = node.expression.name.lower()
        value = self.translate(node.this, scope)
        if name not in ("utf8mb4_bin", "utf8_bin", COLLATION):
            raise unsupported(f"COLLATE {name}")
        return Typed(value.sql, ColumnType(value.type.name, value.type.length, binary=name.endswith("_bin")))

    # Choices and conversions

    def _case(self, node: exp.Expression, scope: Scope) -> Typed:
        only(node, "this", "ifs", "default")
        base = self.translate(node.this, scope) if node.this else None
        branches, results = [], []
        for branch in node.args["ifs"]:
            if base:
                test = _compared(base, "=", self.translate(branch.this, scope))
            else:
                test = self.condition(branch.this, scope)
            results.append(self.translate(branch.args["true"], scope))
            branches.append((test, results[-1]))
        default = node.args.get("default")
        results.append(self.translate(default, scope) if default else literal(None, NULL))
        return _choice(branches, results)

    def _cast(self, node: exp.Expression, scope: Scope) -> Typed:
        only(node, "this", "to")
        value, target = self.translate(node.this, scope), node.args["to"]
        return _converted(value, target)

    def _trim(self, node: exp.Expression, scope: Scope) -> Typed:
        only(node, "this", "expression", "position")
        text = as_text(self.translate(node.this, scope))
        what = as_text(self.translate(node.expression, scope)) if node.expression else "' '"
        return Typed(f"my_TRIM({text}, {what}, {quoted((node.text('position') or 'BOTH').upper())})", VARCHAR)

    def _substring(self, node: exp.Expression, scope: Scope) -> Typed:
        only(node, "this", "start", "length")
        parts = [node.this, node.args.get("start"), node.args.get("length")]
        return self._registered("SUBSTRING", [part for part in parts if part is not None], scope)

    def _now(self, _node: exp.Expression, _scope: Scope) -> Typed:
        return self._constant("NOW")

    def _constant(self, name: str) -> Typed:
        found = self._surroundings.constant(name)
        if found is None:
            raise refusal(1305, "FUNCTION", name)
        return literal(*found)

    def _group_concat(self, node: exp.Expression, scope: Scope) -> Typed:
        only(node, "this", "separator")
        if isinstance(node.this, (exp.Order, exp.Distinct, exp.Concat)):
            raise unsupported("GROUP_CONCAT with DISTINCT, ORDER BY or several values")
        separator = node.args.get("separator")
        text = as_text(self.translate(node.this, scope))
        return Typed(f"GROUP_CONCAT({text}, {quoted(separator.this if separator else ',')})", TEXT)

    # Functions

    def _function(self, node: exp.Expression, scope: Scope) -> Typed:
        name, arguments = str(node.this).upper(), node.expressions
        special = _SPECIAL.get(name)
        if special:
            return special(self, arguments, scope)
        if name in AGGREGATES:
            return self._aggregate(name, arguments, scope)
        if not arguments and (found := self._surroundings.constant(name)):
            return literal(*found)
        return self._registered(name, arguments, scope)

    def _registered(self, name: str, arguments: Sequence[exp.Expression], scope: Scope) -> Typed:
        function = FUNCTIONS.get(name)
        if function is None:
            problem = self._surroundings.call(name)
            raise unsupported(f"{name}()") if problem is None else refusal(1305, "FUNCTION", problem)
        return _called(name, function, [self.translate(argument, scope) for argument in arguments])

    def _aggregate(self, name: str, arguments: Sequence[exp.Expression], scope: Scope) -> Typed:
        if scope.clause in ("where clause", "on clause", "group statement"):
            raise refusal(1111)
        if name == "COUNT" and len(arguments) == 1 and isinstance(arguments[0], exp.Star):
            return Typed("COUNT(*)", BIGINT, nullable=False)
        distinct = len(arguments) == 1 and isinstance(arguments[0], exp.Distinct)
        inner = arguments[0].expressions if distinct else arguments
        if len(inner) != 1:
            raise unsupported(f"{name} of several values") if inner else refusal(1582, name)
        before = len(scope.uses)
        value = self.translate(inner[0], scope)
        del scope.uses[before:]
        return _aggregated(name, value, "DISTINCT " if distinct else "")

    def _if_node(self, node: exp.Expression, scope: Scope) -> Typed:
        parts = [node.this, node.args.get("true"), node.args.get("false")]
        return self._if([part for part in parts if part is not None], scope)

    def _if(self, arguments: Sequence[exp.Expression], scope: Scope) -> Typed:
        test, then, other = _exactly(3, "IF", arguments)
        results = [self.translate(then, scope), self.translate(other, scope)]
        return _choice([(self.condition(test, scope), results[0])], results)

    def _coalesce(self, arguments: Sequence[exp.Expression], scope: Scope) -> Typed:
        values = [self.translate(argument, scope) for argument in arguments]
        kind = common_type([value.type for value in values])
        parts = [as_type(value, kind) for value in values]
        return Typed(f"COALESCE({', '.join(parts)})" if len(parts) > 1 else parts[0], kind)

    def _nullif(self, arguments: Sequence[exp.Expression], scope: Scope) -> Typed:
        left, right = (self.translate(argument, scope) for argument in _exactly(2, "NULLIF", arguments))
        return Typed(f"CASE WHEN {_compared(left, '=', right)} THEN NULL ELSE {left.sql} END", left.type)

    def _isnull(self, arguments: Sequence[exp.Expression], scope: Scope) -> Typed:
        (value,) = _exactly(1, "ISNULL", arguments)
        return Typed(f"({self.translate(value, scope).sql} IS NULL)", BIGINT)

    def _now_with_fraction(self, arguments: Sequence[exp.Expression], _scope: Scope) -> Typed:
        if any(constant_value(argument) for argument in arguments):
            raise unsupported("NOW() with fractions of a second")
        return self._constant("NOW")

    def _unix_timestamp(self, arguments: Sequence[exp.Expression], scope: Scope) -> Typed:
        if arguments:
            return self._registered("UNIX_TIMESTAMP", arguments, scope)
        return _called("UNIX_TIMESTAMP", FUNCTIONS["UNIX_TIMESTAMP"], [self._constant("NOW")])


def _shown(node: exp.Expression) -> str:
    return node.sql("mysql")[:80]


def _exactly(count: int, name: str, arguments: Sequence[exp.Expression]) -> Sequence[exp.Expression]:
    if len(arguments) != count:
        raise refusal(1582, name)
    return arguments


def _number_literal(text: str) -> Typed:
    if text.isdecimal():
        return Typed(text, BIGINT, nullable=False, literal=True)
    kind = DOUBLE if "e" in text.lower() else decimal(len(text.partition(".")[2]))
    return Typed(text if not text.startswith(".") else f"0{text}", kind, nullable=False, literal=True)


def _as_number(value: Typed) -> str:
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


def _arithmetic_type(kind: ColumnType) -> ColumnType:
    if kind.family in ("integer", "bit", "null"):
        return BIGINT
    return decimal(kind.places) if kind.family == "decimal" else DOUBLE


def _wider(left: ColumnType, right: ColumnType, *, multiply: bool = False) -> ColumnType:
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
        result = _arithmetic_type(known[0])
        for kind in known[1:]:
            result = _wider(result, _arithmetic_type(kind))
        return result
    if all(kind.family == "temporal" for kind in known):
        raise unsupported("a mix of date types in one result")
    return TEXT


def _choice(branches: Sequence[tuple[str, Typed]], results: Sequence[Typed]) -> Typed:
    kind = common_type([result.type for result in results])
    whens = " ".join(f"WHEN {test} THEN {as_type(result, kind)}" for test, result in branches)
    return Typed(f"CASE {whens} ELSE {as_type(results[-1], kind)} END", kind)


def _compared(left: Typed, sign: str, right: Typed) -> str:
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
    return _as_number(value)


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


def _converted(value: Typed, target: exp.Expression) -> Typed:
    name = target.this.name if isinstance(target, exp.DataType) else "USING"
    sizes = [int(param.this.this) for param in target.expressions] if isinstance(target, exp.DataType) else []
    if name in ("BIGINT", "UBIGINT") and not sizes:
        rounded = value.sql if value.type.family == "integer" else f"my_ROUND({_as_number(value)})"
        if value.type.textual:
            rounded = f"CAST({value.sql} AS INTEGER)"
        return Typed(rounded, ColumnType("bigint", unsigned=name == "UBIGINT"))
    if name in ("CHAR", "VARCHAR", "TEXT", "USING"):
        text = as_text(value)
        return Typed(f"my_LEFT({text}, {sizes[0]})" if sizes else text, VARCHAR)
    if name == "DECIMAL":
        scale = sizes[1] if len(sizes) > 1 else 0
        return Typed(f"my_ROUND({_as_number(value)}, {scale})", decimal(scale))
    if name == "DOUBLE":
        return Typed(f"CAST({_as_number(value)} AS REAL)", DOUBLE)
    if name == "DATE":
        return Typed(f"my_DATE({as_text(value)})", DATE)
    if name in ("DATETIME", "TIMESTAMPTZ", "TIMESTAMP") and value.literal and value.type.textual:
        return literal(moment(value.sql[1:-1], DATETIME), DATETIME)
    if name == "BINARY":
        return Typed(value.sql, ColumnType("varchar", 1024, binary=True)) if value.type.textual else value
    if name == "JSON" and value.type.family == "json":
        return Typed(value.sql, JSON)
    raise unsupported(f"CAST to {target.sql('mysql')}")


def _called(name: str, function: Function, values: Sequence[Typed]) -> Typed:
    letters = function.letters(len(values))
    if letters is None:
        raise refusal(1582, name)
    convert = {"t": as_text, "n": _as_number, "a": lambda value: value.sql}
    parts = [convert[letter](value) for letter, value in zip(letters, values, strict=True)]
    if isinstance(function.result, ColumnType):
        return Typed(f"my_{name}({', '.join(parts)})", function.result)
    kinds = [value.type for value in values]
    if name in ("GREATEST", "LEAST") and len({kind.numeric for kind in kinds}) > 1:
        raise unsupported(f"{name} of text and numbers")
    return Typed(f"my_{name}({', '.join(parts)})", function.result(kinds))


def _aggregated(name: str, value: Typed, distinct: str) -> Typed:
    if name == "COUNT":
        collate = f" COLLATE {COLLATION}" if distinct and value.type.textual and not value.type.binary else ""
        return Typed(f"COUNT({distinct}{value.sql}{collate})", BIGINT, nullable=False)
    if name in ("MIN", "MAX"):
        collate = f" COLLATE {COLLATION}" if value.type.textual and not value.type.binary else ""
        return Typed(f"{name}({value.sql}{collate})", value.type)
    number = _arithmetic_type(value.type)
    if name == "AVG":
        kind = DOUBLE if number == DOUBLE else decimal(number.places + 4)
        return Typed(f"AVG({distinct}{_as_number(value)})", kind)
    kind = decimal(0) if number == BIGINT else number
    return Typed(f"SUM({distinct}{_as_number(value)})", kind)


_SIGNS: dict[type[exp.Expression], str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<=", exp.NullSafeEQ: "IS",
}  # fmt: skip

_SPECIAL: dict[str, Callable[[Expressions, Sequence[exp.Expression], Scope], Typed]] = {
    "IF": Expressions._if,
    "IFNULL": Expressions._coalesce,
    "COALESCE": Expressions._coalesce,
    "NULLIF": Expressions._nullif,
    "ISNULL": Expressions._isnull,
    "NOW": Expressions._now_with_fraction,
    "CURRENT_TIMESTAMP": Expressions._now_with_fraction,
    "UNIX_TIMESTAMP": Expressions._unix_timestamp,
}

_HANDLERS: dict[type, Callable[[Expressions, Any, Scope], Typed]] = {
    **dict.fromkeys(
        (exp.Literal, exp.Null, exp.Boolean, exp.HexString, exp.National, exp.Introducer), Expressions._literal
    ),
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul), Expressions._arithmetic),
    **dict.fromkeys((exp.IntDiv, exp.Mod), Expressions._called_operator),
    **dict.fromkeys((exp.BitwiseAnd, exp.BitwiseOr), Expressions._bits),
    **dict.fromkeys((exp.And, exp.Or, exp.Xor), Expressions._logic),
    **dict.fromkeys(_SIGNS, Expressions._comparison),
    **dict.fromkeys((exp.CurrentTimestamp, exp.Localtime, exp.Localtimestamp), Expressions._now),
    exp.Neg: Expressions._negative,
    exp.Column: Expressions._column,
    exp.SessionParameter: Expressions._variable,
    exp.Paren: Expressions._paren,
    exp.Subquery: Expressions._scalar,
    exp.Concat: Expressions._joined_literals,
    exp.Div: Expressions._quotient,
    exp.Not: Expressions._not,
    exp.Is: Expressions._is,
    exp.In: Expressions._in,
    exp.Between: Expressions._between,
    exp.Like: Expressions._like,
    exp.Escape: Expressions._escape,
    exp.RegexpLike: Expressions._regexp,
    exp.Exists: Expressions._exists,
    exp.Collate: Expressions._collate,
    exp.Case: Expressions._case,
    exp.If: Expressions._if_node,
    exp.Cast: Expressions._cast,
    exp.Trim: Expressions._trim,
    exp.Substring: Expressions._substring,
    exp.GroupConcat: Expressions._group_concat,
    exp.Anonymous: Expressions._function,
    exp.CurrentUser: lambda self, _node, _scope: self._constant("CURRENT_USER"),
    exp.CurrentDate: lambda self, _node, _scope: self._constant("CURDATE"),
}
