"""MySQL's expressions into SQLite's, with their types.

A node that is not in the table is refused (1235): what cannot be translated exactly is an error. Types decide the
translation: text compares by collation, a number with a text as numbers, a date with a text as dates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sqlglot import exp

from sandbox.polardb.coercion import (
    aggregated,
    arithmetic_type,
    as_number,
    as_text,
    as_type,
    called,
    choice,
    common_type,
    compared,
    converted,
    wider,
)
from sandbox.polardb.errors import refusal, unsupported
from sandbox.polardb.functions import FUNCTIONS
from sandbox.polardb.literals import constant_value, literal, number_literal, only
from sandbox.polardb.scope import Scope, Typed
from sandbox.polardb.types import BIGINT, BLOB, COLLATION, DOUBLE, NULL, TEXT, VARCHAR, ColumnType, decimal, quoted

AGGREGATES = ("COUNT", "SUM", "AVG", "MIN", "MAX", "GROUP_CONCAT")


class Surroundings(Protocol):
    """What an expression may ask of the session it runs in."""

    def variable(self, name: str, scope: str) -> tuple[Any, ColumnType]: ...
    def constant(self, name: str) -> tuple[Any, ColumnType] | None: ...
    def call(self, name: str) -> str | None: ...


Subquery = Callable[[exp.Expression, Scope], "tuple[str, list[Typed]]"]


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
        only(node, "this", "expression", "expressions", *_DETAILS.get(type(node), ()))
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
            return number_literal(node.this)
        if isinstance(node, exp.Neg):
            positive = number_literal(node.this.this)
            return Typed(f"(-{positive.sql})", positive.type, nullable=False, literal=True)
        kind = BLOB if isinstance(value, bytes) else BIGINT if isinstance(value, int) else VARCHAR
        return literal(value, kind)

    def _negative(self, node: exp.Expression, scope: Scope) -> Typed:
        if isinstance(node.this, exp.Literal) and not node.this.is_string:
            return self._literal(node, scope)
        value = self.translate(node.this, scope)
        return Typed(f"(-{as_number(value)})", arithmetic_type(value.type))

    def _column(self, node: exp.Expression, scope: Scope) -> Typed:
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
        kind = wider(arithmetic_type(left.type), arithmetic_type(right.type), multiply=isinstance(node, exp.Mul))
        sign = _SIGNS[type(node)]
        return Typed(f"({as_number(left)} {sign} {as_number(right)})", kind)

    def _quotient(self, node: exp.Expression, scope: Scope) -> Typed:
        left, right = self.translate(node.this, scope), self.translate(node.expression, scope)
        real = "double" in (arithmetic_type(left.type).name, arithmetic_type(right.type).name)
        kind = DOUBLE if real else decimal(left.type.places + 4)
        return Typed(f"(CAST({as_number(left)} AS REAL) / {as_number(right)})", kind)

    def _called_operator(self, node: exp.Expression, scope: Scope) -> Typed:
        name = _SIGNS[type(node)]
        left, right = self.translate(node.this, scope), self.translate(node.expression, scope)
        kind = BIGINT if name == "DIV" else wider(arithmetic_type(left.type), arithmetic_type(right.type))
        return Typed(f"my_{name}({as_number(left)}, {as_number(right)})", kind)

    def _bits(self, node: exp.Expression, scope: Scope) -> Typed:
        sign = _SIGNS[type(node)]
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
        return Typed(compared(left, _SIGNS[type(node)], right), BIGINT)

    def _row_comparison(self, node: exp.Expression, scope: Scope) -> Typed:
        if not (type(node) is exp.EQ and isinstance(node.this, exp.Tuple) and isinstance(node.expression, exp.Tuple)):
            raise unsupported(_shown(node))
        return Typed(self._rows_equal(node.this, node.expression, scope), BIGINT)

    def _rows_equal(self, left: exp.Tuple, right: exp.Tuple, scope: Scope) -> str:
        if len(left.expressions) != len(right.expressions):
            raise refusal(1241, len(left.expressions))
        pairs = zip(left.expressions, right.expressions, strict=True)
        parts = (compared(self.translate(a, scope), "=", self.translate(b, scope)) for a, b in pairs)
        return f"({' AND '.join(parts)})"

    def _is(self, node: exp.Expression, scope: Scope) -> Typed:
        if isinstance(node.expression, exp.Null):
            return Typed(f"({self.translate(node.this, scope).sql} IS NULL)", BIGINT)
        if isinstance(node.expression, exp.Boolean):
            wanted = "TRUE" if node.expression.this else "FALSE"
            return Typed(f"(({self.condition(node.this, scope)}) IS {wanted})", BIGINT)
        raise unsupported(_shown(node))

    def _in(self, node: exp.Expression, scope: Scope) -> Typed:
        if node.args.get("query"):
            return self._in_query(node, scope)
        if isinstance(node.this, exp.Tuple):
            rows = [self._rows_equal(node.this, row, scope) for row in node.expressions]
            return Typed(f"({' OR '.join(rows)})", BIGINT)
        left = self.translate(node.this, scope)
        parts = [compared(left, "=", self.translate(item, scope)) for item in node.expressions]
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
        value = self.translate(node.this, scope)
        low, high = (self.translate(node.args[key], scope) for key in ("low", "high"))
        return Typed(f"({compared(value, '>=', low)} AND {compared(value, '<=', high)})", BIGINT)

    def _like(self, node: exp.Expression, scope: Scope) -> Typed:
        return self._like_sql(node, None, scope)

    def _escape(self, node: exp.Expression, scope: Scope) -> Typed:
        return self._like_sql(node.this, node, scope)

    def _like_sql(self, node: exp.Expression, escape: exp.Expression | None, scope: Scope) -> Typed:
        if not isinstance(node, exp.Like) or isinstance(node.expression, (exp.Any, exp.All)):
            raise unsupported(_shown(node))
        only(node, "this", "expression", "negate")
        text, wanted = (as_text(self.translate(part, scope)) for part in (node.this, node.expression))
        extra = f", {quoted(constant_value(escape.expression))}" if escape else ""
        negation = "NOT " if node.args.get("negate") else ""
        return Typed(f"({negation}my_like({text}, {wanted}{extra}))", BIGINT)

    def _regexp(self, node: exp.Expression, scope: Scope) -> Typed:
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
        base = self.translate(node.this, scope) if node.this else None
        branches, results = [], []
        for branch in node.args["ifs"]:
            if base:
                test = compared(base, "=", self.translate(branch.this, scope))
            else:
                test = self.condition(branch.this, scope)
            results.append(self.translate(branch.args["true"], scope))
            branches.append((test, results[-1]))
        default = node.args.get("default")
        results.append(self.translate(default, scope) if default else literal(None, NULL))
        return choice(branches, results)

    def _cast(self, node: exp.Expression, scope: Scope) -> Typed:
        value, target = self.translate(node.this, scope), node.args["to"]
        return converted(value, target)

    def _trim(self, node: exp.Expression, scope: Scope) -> Typed:
        text = as_text(self.translate(node.this, scope))
        what = as_text(self.translate(node.expression, scope)) if node.expression else "' '"
        return Typed(f"my_TRIM({text}, {what}, {quoted((node.text('position') or 'BOTH').upper())})", VARCHAR)

    def _substring(self, node: exp.Expression, scope: Scope) -> Typed:
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
        if isinstance(node.this, (exp.Order, exp.Distinct, exp.Concat)):
            raise unsupported("GROUP_CONCAT with DISTINCT, ORDER BY or several values")
        separator = node.args.get("separator")
        before = len(scope.uses)
        text = as_text(self.translate(node.this, scope))
        del scope.uses[before:]
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
        return called(name, function, [self.translate(argument, scope) for argument in arguments])

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
        return aggregated(name, value, "DISTINCT " if distinct else "")

    def _if_node(self, node: exp.Expression, scope: Scope) -> Typed:
        parts = [node.this, node.args.get("true"), node.args.get("false")]
        return self._if([part for part in parts if part is not None], scope)

    def _if(self, arguments: Sequence[exp.Expression], scope: Scope) -> Typed:
        test, then, other = _exactly(3, "IF", arguments)
        results = [self.translate(then, scope), self.translate(other, scope)]
        return choice([(self.condition(test, scope), results[0])], results)

    def _coalesce(self, arguments: Sequence[exp.Expression], scope: Scope) -> Typed:
        values = [self.translate(argument, scope) for argument in arguments]
        kind = common_type([value.type for value in values])
        parts = [as_type(value, kind) for value in values]
        return Typed(f"COALESCE({', '.join(parts)})" if len(parts) > 1 else parts[0], kind)

    def _nullif(self, arguments: Sequence[exp.Expression], scope: Scope) -> Typed:
        left, right = (self.translate(argument, scope) for argument in _exactly(2, "NULLIF", arguments))
        return Typed(f"CASE WHEN {compared(left, '=', right)} THEN NULL ELSE {left.sql} END", left.type)

    def _isnull(self, arguments: Sequence[exp.Expression], scope: Scope) -> Typed:
        (value,) = _exactly(1, "ISNULL", arguments)
        return Typed(f"({self.translate(value, scope).sql} IS NULL)", BIGINT)

    def _round(self, arguments: Sequence[exp.Expression], scope: Scope) -> Typed:
        rounded = self._registered("ROUND", arguments, scope)
        if self.translate(arguments[0], scope).type.family != "decimal":
            return rounded
        places = constant_value(arguments[1]) if len(arguments) > 1 else 0
        return Typed(rounded.sql, decimal(max(0, places)))

    def _now_with_fraction(self, arguments: Sequence[exp.Expression], _scope: Scope) -> Typed:
        if any(constant_value(argument) for argument in arguments):
            raise unsupported("NOW() with fractions of a second")
        return self._constant("NOW")

    def _unix_timestamp(self, arguments: Sequence[exp.Expression], scope: Scope) -> Typed:
        if arguments:
            return self._registered("UNIX_TIMESTAMP", arguments, scope)
        return called("UNIX_TIMESTAMP", FUNCTIONS["UNIX_TIMESTAMP"], [self._constant("NOW")])


def _shown(node: exp.Expression) -> str:
    return node.sql("mysql")[:80]


def _exactly(count: int, name: str, arguments: Sequence[exp.Expression]) -> Sequence[exp.Expression]:
    if len(arguments) != count:
        raise refusal(1582, name)
    return arguments


_COMPARISONS: dict[type, str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<=", exp.NullSafeEQ: "IS",
}  # fmt: skip
_SIGNS: dict[type, str] = {
    **_COMPARISONS, exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.IntDiv: "DIV", exp.Mod: "MOD", exp.BitwiseAnd: "&",
    exp.BitwiseOr: "|",
}  # fmt: skip

# What a node may say beside its operands, and its handler reads.
_DETAILS: dict[type, tuple[str, ...]] = {
    exp.Literal: ("is_string",),
    exp.Column: ("table", "db"),
    exp.SessionParameter: ("kind",),
    exp.In: ("query",),
    exp.Between: ("low", "high"),
    exp.Like: ("negate",),
    exp.Case: ("ifs", "default"),
    exp.If: ("true", "false"),
    exp.Cast: ("to", "_type"),
    exp.Div: ("safe", "typed"),
    exp.Trim: ("position",),
    exp.Substring: ("start", "length"),
    exp.GroupConcat: ("separator",),
}

_SPECIAL: dict[str, Callable[[Expressions, Sequence[exp.Expression], Scope], Typed]] = {
    "IF": Expressions._if,
    "IFNULL": Expressions._coalesce,
    "COALESCE": Expressions._coalesce,
    "NULLIF": Expressions._nullif,
    "ISNULL": Expressions._isnull,
    "ROUND": Expressions._round,
    "NOW": Expressions._now_with_fraction,
    "CURRENT_TIMESTAMP": Expressions._now_with_fraction,
    "UNIX_TIMESTAMP": Expressions._unix_timestamp,
}

_HANDLERS: dict[type, Callable[[Expressions, Any, Scope], Typed]] = {
    **dict.fromkeys(
        (exp.Literal, exp.Null, exp.Boolean, exp.HexString, exp.BitString, exp.National, exp.Introducer),
        Expressions._literal,
    ),
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul), Expressions._arithmetic),
    **dict.fromkeys((exp.IntDiv, exp.Mod), Expressions._called_operator),
    **dict.fromkeys((exp.BitwiseAnd, exp.BitwiseOr), Expressions._bits),
    **dict.fromkeys((exp.And, exp.Or, exp.Xor), Expressions._logic),
    **dict.fromkeys(_COMPARISONS, Expressions._comparison),
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
