"""MySQL's statements, corrected where sqlglot's translation would mean something else to SQLite.

`RULES` is the allow-list: the nodes that may stand in an expression, each with the correction that restores MySQL's
meaning. A node, clause or function that is not listed is refused by name (1235). A corrected node carries its type in
`meta["kind"]`; sqlglot then writes the tree as SQLite's SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import reduce
from typing import Any

from sqlglot import exp

from sandbox.polardb import types
from sandbox.polardb.catalog import Column
from sandbox.polardb.errors import refusal, unsupported
from sandbox.polardb.functions import FUNCTIONS
from sandbox.polardb.types import ColumnType, Shared, decimal, moment, number_of

Node = exp.Expression
_SELECT = ("expressions", "distinct", "from_", "joins", "where", "group", "having", "order", "limit", "offset",
           "operation_modifiers", "hint")  # fmt: skip
_HINTS = {"SQL_NO_CACHE", "HIGH_PRIORITY", "JOIN_FIXED_ORDER", "NO_BNL"}
"""What changes nothing of an answer."""
_EXACT, _NUMBERS = {"integer", "decimal"}, {"integer", "decimal", "real", "text"}
_SIGNS: dict[type[Node], str] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.IntDiv: "DIV", exp.Mod: "%",
}  # fmt: skip
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ)


@dataclass(frozen=True)
class FromTable(Shared):
    """One table of a FROM clause: `label` is its name in the statement, `stored` SQLite's; `keys` identify a row."""

    label: str
    schema: str
    stored: str
    columns: tuple[Column, ...]
    keys: Sequence[tuple[str, ...]] = ()


@dataclass
class Scope:
    """What names mean: the tables, and the `outputs` of the select list.

    `session` gives tables, variables and constants; `clause` is where we are; a `strict` statement writes.
    """

    session: Any
    sources: list[FromTable] = field(default_factory=list)
    outputs: dict[str, Node] = field(default_factory=dict)
    clause: str = "field list"
    strict: bool = False

    def add(self, source: FromTable) -> None:
        if any(known.label == source.label for known in self.sources):
            raise refusal(1066, source.label)
        self.sources.append(source)

    def resolve(self, name: str, table: str, schema: str) -> Node:
        """The column or the output that a name means. Raises 1054, or 1052 when two tables have it."""
        output = None if table else self.outputs.get(name.lower())
        if output is not None and self.clause in ("order clause", "having clause"):
            return output.copy()
        matches = [
            column_of(source, column)
            for source in self.sources
            if table.lower() in ("", source.label) and schema.lower() in ("", source.schema)
            for column in source.columns
            if column.name.lower() == name.lower()
        ]
        if len(matches) > 1:
            raise refusal(1052, name, self.clause)
        if not matches and output is not None and self.clause == "group statement":
            return output.copy()
        if not matches:
            raise refusal(1054, ".".join(filter(None, [schema, table, name])), self.clause)
        return matches[0]


# Nodes


def typed(node: Node, kind: ColumnType) -> Node:
    node.meta["kind"] = kind
    return node


def kind_of(node: Node) -> ColumnType:
    kind: ColumnType = node.meta["kind"]
    return kind


def column_of(source: FromTable, column: Column) -> Node:
    """A column as SQLite finds it."""
    node = exp.column(exp.to_identifier(column.name, quoted=True), table=exp.to_identifier(source.label, quoted=True))
    node.meta["source"] = source
    return typed(node, column.type)


def table_of(source: FromTable) -> Node:
    """A table as SQLite finds it."""
    stored, label = (exp.to_identifier(name, quoted=True) for name in (source.stored, source.label))
    return exp.Table(this=stored, alias=exp.TableAlias(this=label))


def constant(value: Any, kind: ColumnType | None = None) -> Node:
    """A value that is known before the statement runs."""
    if value is None:
        return typed(exp.Null(), kind or types.NULL)
    if isinstance(value, (int, float)):
        known = types.BIGINT if isinstance(value, int) else types.DOUBLE
        return typed(exp.Literal.number(repr(value)), kind or known)
    if isinstance(value, bytes):
        return typed(exp.HexString(this=value.hex()), kind or types.BLOB)
    if "\0" in value:
        return typed(exp.cast(exp.HexString(this=value.encode().hex()), "TEXT"), kind or types.VARCHAR)
    return typed(exp.Literal.string(value), kind or types.VARCHAR)


def call(name: str, kind: ColumnType, *arguments: Any) -> Node:
    """A function of `functions.install`."""
    parts = [part if isinstance(part, Node) else constant(part) for part in arguments]
    return typed(exp.Anonymous(this=f"my_{name}", expressions=parts), kind)


def collated(node: Node, collation: str = "") -> Node:
    """`node` as MySQL orders and compares it."""
    collation = collation or kind_of(node).collation
    named = exp.to_identifier(collation, quoted=True)
    return typed(exp.Collate(this=node, expression=named), kind_of(node)) if collation else node


def orderable(node: Node) -> Node:
    """Raises 1235 for what MySQL orders by something else than its text: ENUM by number, JSON by type."""
    if kind_of(node).family in ("enum", "json", "spatial"):
        raise unsupported(f"ordering {kind_of(node).name.upper()} values")
    return collated(node)


def allow(node: Node, *handled: str) -> None:
    """Raises 1235 when `node` says more than its correction knows about."""
    for key, value in node.args.items():
        if value and key not in handled:
            raise unsupported(f"{key.strip('_').replace('_', ' ').upper()} in {type(node).__name__.upper()}")


def literal_value(node: Node) -> Any:
    """The value of a literal. Raises LookupError for anything that has to be computed."""
    if isinstance(node, exp.Literal):
        return node.this if node.is_string else number_of(node.this)
    if isinstance(node, (exp.Null, exp.Boolean)):
        return None if isinstance(node, exp.Null) else int(node.this)
    if isinstance(node, exp.HexString):
        return bytes.fromhex(node.this.zfill(len(node.this) + len(node.this) % 2))
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal) and not node.this.is_string:
        found = literal_value(node.this)
        return found.copy_negate() if isinstance(found, Decimal) else -found
    if isinstance(node, exp.Introducer) and node.name.lower() in ("_binary", "_utf8mb4"):
        text = str(node.expression.this)
        return text.encode("utf-8", "surrogateescape") if node.name.lower() == "_binary" else text
    raise LookupError(type(node).__name__)


# Queries


def select(node: Node, session: Any, *, strict: bool = False) -> list[Column]:
    """Corrects a SELECT; its columns."""
    if not isinstance(node, exp.Select):
        raise unsupported(type(node).__name__.upper())
    allow(node, *_SELECT)
    hints = node.args["hint"].expressions if node.args.get("hint") else []
    if any(one.name.upper() not in _HINTS for one in [*(node.args.get("operation_modifiers") or ()), *hints]):
        raise unsupported("modifiers of SELECT")
    node.set("operation_modifiers", None)
    node.set("hint", None)
    scope = Scope(session, strict=strict)
    _from(node, scope)
    where(node, scope)
    columns = _outputs(node, scope)
    grouped = _grouping(node, scope)
    for at, item in enumerate(node.args["order"].expressions if node.args.get("order") else (), 1):
        grouped(_order(item, node, scope), at, "ORDER BY")
    clauses = [clause for key in ("limit", "offset") if (clause := node.args.get(key))]
    if any(
        not isinstance(clause.args.get("expression"), exp.Literal) or clause.expression.is_string for clause in clauses
    ):
        raise unsupported("LIMIT of anything but a number")
    if len(clauses) == 1 and not node.args.get("limit"):
        raise unsupported("OFFSET without LIMIT")
    return columns


def _from(node: Node, scope: Scope) -> None:
    clause, joins = node.args.get("from_"), node.args.get("joins") or ()
    if not clause or clause.this.name.lower() == "dual":
        if joins:
            raise unsupported("joins with DUAL")
        return node.set("from_", None)
    clause.set("this", table(clause.this, scope))
    for join in joins:
        allow(join, "this", "side", "kind", "on")
        if join.text("side").upper() not in ("", "LEFT") or join.text("kind").upper() not in ("", "INNER", "CROSS"):
            raise unsupported(f"{join.text('side') or join.text('kind')} JOIN")
        if join.text("side") and not join.args.get("on"):
            raise unsupported("LEFT JOIN without ON")
        join.set("this", table(join.this, scope))
        scope.clause = "on clause"
        if join.args.get("on"):
            join.set("on", condition(join.args["on"], scope))
    return None


def table(node: Node, scope: Scope) -> Node:
    """A table or a derived one, which is added to `scope`."""
    if isinstance(node, exp.Subquery) and node.alias:
        return _derived(node, scope)
    if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
        raise unsupported(node.sql("mysql")[:60])
    allow(node, "this", "db", "alias")
    source = scope.session.source(node.text("db"), node.name)
    source = replace(source, label=(node.alias or node.name).lower(), schema="" if node.alias else source.schema)
    scope.add(source)
    return table_of(source)


def _derived(node: Node, scope: Scope) -> Node:
    """A SELECT in FROM; its columns have names of their own."""
    allow(node, "this", "alias")
    columns = select(node.this, scope.session, strict=scope.strict)
    for at, column in enumerate(columns):
        if column.name.lower() in (known.name.lower() for known in columns[:at]):
            raise refusal(1060, column.name)
    scope.add(FromTable(node.alias.lower(), "", "", tuple(columns)))
    return exp.Subquery(this=node.this, alias=exp.TableAlias(this=exp.to_identifier(node.alias.lower(), quoted=True)))


def where(node: Node, scope: Scope) -> None:
    """Corrects the WHERE of any statement."""
    scope.clause = "where clause"
    if clause := node.args.get("where"):
        clause.set("this", condition(clause.this, scope))


def _outputs(node: Node, scope: Scope) -> list[Column]:
    scope.clause = "field list"
    outputs = [output for item in node.expressions for output in _output(item, scope)]
    scope.outputs = {name.lower(): value for name, value in reversed(outputs)}
    node.set("expressions", [exp.alias_(collated(value.copy()), name, quoted=True) for name, value in outputs])
    return [Column(name, kind_of(value)) for name, value in outputs]


def _output(item: Node, scope: Scope) -> list[tuple[str, Node]]:
    if isinstance(item, exp.Star) or isinstance(item.this, exp.Star):
        allow(item, "this", "table")
        chosen = [source for source in scope.sources if item.text("table").lower() in ("", source.label)]
        if not chosen:
            raise refusal(1051, item.text("table")) if item.text("table") else refusal(1096)
        return [(column.name, column_of(source, column)) for source in chosen for column in source.columns]
    inner = item.this if isinstance(item, exp.Alias) else item
    corrected = value(inner, scope)
    if isinstance(item, exp.Alias):
        return [(item.alias, corrected)]
    if isinstance(inner, exp.Column):
        listed = corrected.meta["source"].schema == "information_schema"
        return [(corrected.name if listed and corrected.name.isupper() else inner.name, corrected)]
    literal = isinstance(inner, exp.Literal) and inner.is_string
    return [(inner.this if literal else item.meta.get("text", ""), corrected)]


def _grouping(node: Node, scope: Scope) -> Callable[[Node, int, str], None]:
    """Corrects GROUP BY and HAVING; gives ONLY_FULL_GROUP_BY's check of one more expression of a clause."""
    group, having, keys = node.args.get("group"), node.args.get("having"), []
    if group:
        allow(group, "expressions")
        scope.clause = "group statement"
        keys = [_bare(_ordinal(item, node, scope) or value(item, scope)) for item in group.expressions]
        group.set("expressions", [orderable(key.copy()) for key in keys])
    known = {key.sql() for key in keys}

    def check(expression: Node, at: int, clause: str) -> None:
        for column in _ungrouped(_bare(expression), known):
            source: FromTable = column.meta["source"]
            mine = {key.name for key in keys if isinstance(key, exp.Column) and key.meta["source"] == source}
            if not source.stored:
                raise unsupported(f"{clause} of a derived table's columns beside aggregates")
            if not any(mine >= {*key} for key in source.keys):
                shown = ".".join(filter(None, [source.schema, source.label, column.name]))
                raise refusal(1055 if group else 1140, at, clause, shown)

    if having and not group:
        raise unsupported("HAVING without GROUP BY")
    if having:
        scope.clause = "having clause"
        having.set("this", condition(having.this, scope))
        for column in _ungrouped(having.this, known | {_bare(one).sql() for one in node.expressions}):
            raise refusal(1054, column.name, scope.clause)
    if not group and not any(_aggregates(found) for one in node.expressions for found in one.walk()):
        return lambda _expression, _at, _clause: None
    for at, one in enumerate(node.expressions, 1):
        check(one, at, "SELECT list")
    if not group and node.args.get("order"):
        raise unsupported("ORDER BY of a single row")
    return check


def _ungrouped(node: Node, known: set[str]) -> list[Node]:
    if node.sql() in known or _aggregates(node):
        return []
    if isinstance(node, exp.Column):
        return [node]
    return [column for child in node.iter_expressions() for column in _ungrouped(child, known)]


def _aggregates(node: Node) -> bool:
    return isinstance(node, (exp.Count, exp.Min, exp.Max)) or node.name in ("my_SUM", "my_AVG")


def _bare(node: Node) -> Node:
    while isinstance(node, (exp.Collate, exp.Alias)):
        node = node.this
    return node


def _ordinal(item: Node, node: Node, scope: Scope) -> Node | None:
    if not isinstance(item, exp.Literal) or item.is_string:
        return None
    if not 1 <= int(item.this) <= len(node.expressions):
        raise refusal(1054, item.this, scope.clause)
    found: Node = node.expressions[int(item.this) - 1].this
    return found


def _order(item: Node, node: Node, scope: Scope) -> Node:
    allow(item, "this", "desc", "nulls_first")
    scope.clause = "order clause"
    corrected = _bare(_ordinal(item.this, node, scope) or value(item.this, scope)).copy()
    if node.args.get("distinct") and corrected not in [_bare(one) for one in node.expressions]:
        raise unsupported("ORDER BY of what DISTINCT does not give")
    item.set("this", orderable(corrected))
    return corrected


# Expressions


def value(node: Node, scope: Scope) -> Node:
    """The node that means in SQLite what `node` means in MySQL, with its type. Raises SqlError."""
    if "kind" in node.meta:
        return node
    rule = RULES.get(type(node))
    if rule is None:
        raise unsupported(node.sql("mysql")[:80])
    correct, *arguments = rule
    allow(node, "this", "expression", "expressions", "is_string", *arguments)
    corrected: Node = correct(node, scope)
    return corrected


def condition(node: Node, scope: Scope) -> Node:
    """A whole number as a truth value; MySQL's versions disagree about 0.5, and a text is a number first."""
    corrected = value(node, scope)
    if kind_of(corrected).family not in ("integer", "null"):
        raise unsupported(f"{kind_of(corrected).name.upper()} as a condition")
    return _paren(corrected)


def _paren(node: Node) -> Node:
    return typed(exp.Paren(this=node), kind_of(node))


def _literal(node: Node, _scope: Scope) -> Node:
    """A number with a point is an exact DECIMAL, one with an exponent a types.DOUBLE, a hex literal a byte string."""
    found = literal_value(node)
    if isinstance(found, int) and not -(2**63) <= found < 2**63:
        raise unsupported("whole numbers of more than 63 bits")
    if found is None or isinstance(found, (int, float, str, bytes)):
        return constant(found)
    return constant(f"{found:f}", decimal(max(0, -found.as_tuple().exponent)))


def _negative(node: Node, scope: Scope) -> Node:
    """-x overflows, and is exact for a DECIMAL."""
    if isinstance(node.this, exp.Literal) and not node.this.is_string:
        return _literal(node, scope)
    operand = value(node.this, scope)
    kind = kind_of(operand)
    return _calculated("-", constant(0), typed(operand, replace(kind, unsigned=False)), scope)


def _column(node: Node, scope: Scope) -> Node:
    """A name means a column; an alias counts in HAVING, GROUP BY and ORDER BY only."""
    if node.name.upper() == "DEFAULT" and not node.this.args.get("quoted"):
        raise unsupported("DEFAULT inside an expression")
    return scope.resolve(node.name, node.text("table"), node.text("db"))


def _arithmetic(node: Node, scope: Scope) -> Node:
    """Whole numbers overflow (1690), DECIMALs are exact, x / 0 is types.NULL, whole numbers divide with 4 decimals."""
    return _calculated(_SIGNS[type(node)], value(node.this, scope), value(node.expression, scope), scope)


def _calculated(sign: str, left: Node, right: Node, scope: Scope) -> Node:
    one, other = kind_of(left), kind_of(right)
    families = {one.family, other.family} - {"null"}
    if not families <= _NUMBERS or (sign == "DIV" and not families <= _EXACT):
        raise unsupported(f"{one.name.upper()} {sign} {other.name.upper()}")
    if not families <= _EXACT or "null" in (one.family, other.family):
        return call("arithmetic", types.DOUBLE, sign, real(left), real(right), "real", 0, int(scope.strict))
    if sign != "DIV" and (sign == "/" or "decimal" in families):
        places = {"*": one.places + other.places, "/": one.places + 4}.get(sign, max(one.places, other.places))
        return call("arithmetic", decimal(places), sign, left, right, "decimal", min(places, 30), int(scope.strict))
    unsigned = one.unsigned or other.unsigned
    family = "unsigned" if unsigned else "integer"
    return call("arithmetic", replace(types.BIGINT, unsigned=unsigned), sign, left, right, family, 0, int(scope.strict))


def _logic(node: Node, scope: Scope) -> Node:
    """AND, OR and NOT of whole numbers."""
    sides = {"this": condition(node.this, scope)}
    if node.args.get("expression"):
        sides["expression"] = condition(node.expression, scope)
    return _paren(typed(type(node)(**sides), types.BIGINT))


def _comparison(node: Node, scope: Scope) -> Node:
    """Texts compare by collation, a number with a text as numbers, a date with a string as dates."""
    if isinstance(node.this, _PREDICATES) or isinstance(node.expression, _PREDICATES):
        raise unsupported("a comparison of a comparison without parentheses")
    return _compared(type(node), value(node.this, scope), value(node.expression, scope))


def _compared(sign: type[Node], left: Node, right: Node) -> Node:
    one, other = comparable(left, right, ordered=sign not in (exp.EQ, exp.NEQ, exp.NullSafeEQ))
    return _paren(typed(sign(this=one, expression=other), types.BIGINT))


def _is_null(node: Node, scope: Scope) -> Node:
    """IS types.NULL; IS TRUE and IS FALSE are refused."""
    if not isinstance(node.expression, exp.Null):
        raise unsupported(node.sql("mysql")[:80])
    return _paren(typed(exp.Is(this=value(node.this, scope), expression=exp.Null()), types.BIGINT))


def _in(node: Node, scope: Scope) -> Node:
    """IN compares as = does."""
    tested, groups = value(node.this, scope), dict[str, tuple[Node, list[Node]]]()
    if not node.expressions:
        raise unsupported("IN of nothing")
    for item in node.expressions:
        left, right = comparable(tested.copy(), value(item, scope), ordered=False)
        groups.setdefault(left.sql(), (left, []))[1].append(right)
    tests: list[Any] = [exp.In(this=left, expressions=some) for left, some in groups.values()]
    return _paren(typed(reduce(lambda one, other: exp.Or(this=one, expression=other), tests), types.BIGINT))


def _between(node: Node, scope: Scope) -> Node:
    """BETWEEN compares as >= and <= do."""
    tested, low, high = (value(node.args[key], scope) for key in ("this", "low", "high"))
    sides = {"this": _compared(exp.GTE, tested.copy(), low), "expression": _compared(exp.LTE, tested, high)}
    return _paren(typed(exp.And(**sides), types.BIGINT))


def _matched(node: Node, scope: Scope) -> Node:
    """LIKE and REGEXP go by collation: no case; LIKE sees no accents either. REGEXP is ICU's."""
    tested, wanted = value(node.this, scope), value(node.expression, scope)
    if kind_of(tested).binary:
        raise unsupported("LIKE and REGEXP by a binary collation")
    name, kind = ("like", types.BIGINT) if isinstance(node, exp.Like) else ("regexp", types.INT)
    found = call(name, kind, text(tested), text(wanted))
    return _paren(typed(exp.Not(this=found), types.BIGINT)) if node.args.get("negate") else found


def _case(node: Node, scope: Scope) -> Node:
    """CASE x WHEN y compares as = does; IF is a CASE; the results have one type."""
    branches = node.args["ifs"] if isinstance(node, exp.Case) else [node]
    base = value(node.this, scope) if isinstance(node, exp.Case) and node.this else None
    otherwise = node.args.get("default" if isinstance(node, exp.Case) else "false") or exp.Null()
    tests = [
        _compared(exp.EQ, base.copy(), value(one.this, scope)) if base else condition(one.this, scope)
        for one in branches
    ]
    results, kind = unified([value(one, scope) for one in [*(branch.args["true"] for branch in branches), otherwise]])
    ifs = [exp.If(this=test, true=result) for test, result in zip(tests, results, strict=False)]
    return typed(exp.Case(ifs=ifs, default=results[-1]), kind)


def _variable(node: Node, scope: Scope) -> Node:
    """@@x is a value of the session or the server."""
    return constant(scope.session.variable(node.name, node.text("kind").lower()))


def _now(node: Node, scope: Scope) -> Node:
    """The functions of the session that have a node of their own."""
    if node.this:
        raise unsupported("fractions of a second")
    name = {"CurrentDate": "CURDATE", "CurrentUser": "CURRENT_USER"}.get(type(node).__name__, "NOW")
    return constant(*scope.session.constant(name))


def _function(node: Node, scope: Scope) -> Node:
    """A function counts, converts and compares as MySQL's of that name."""
    name, arguments = str(node.this).upper(), node.expressions
    if name in ("COUNT", "SUM", "AVG", "MIN", "MAX"):
        return _aggregate(name, arguments, scope)
    if name in ("COALESCE", "IFNULL") and len(arguments) > 1:
        values, kind = unified([value(argument, scope) for argument in arguments])
        return typed(exp.Coalesce(this=values[0], expressions=values[1:]), kind)
    try:
        return constant(*scope.session.constant(name if not arguments else ""))
    except LookupError:
        function = FUNCTIONS.get(name)
    if function is None:
        raise unsupported(f"{name}()")
    if not function.least <= len(arguments) <= (function.most or len(arguments)):
        raise refusal(1582, name)
    return call(name, function.result, *(text(value(argument, scope)) for argument in arguments))


def _aggregate(name: str, arguments: Sequence[Node], scope: Scope) -> Node:
    if scope.clause in ("where clause", "on clause", "group statement"):
        raise refusal(1111)
    distinct = len(arguments) == 1 and isinstance(arguments[0], exp.Distinct)
    inner = arguments[0].expressions if distinct else arguments
    if len(inner) != 1 or (distinct and name != "COUNT"):
        raise unsupported(f"{name} of {'DISTINCT or ' if distinct else ''}several values")
    if name == "COUNT" and isinstance(inner[0], exp.Star):
        return typed(exp.Count(this=exp.Star()), types.BIGINT)
    counted = value(inner[0], scope)
    kind = kind_of(counted)
    if name == "COUNT":
        inside = exp.Distinct(expressions=[collated(counted)]) if distinct else counted
        return typed(exp.Count(this=inside), types.BIGINT)
    if kind.name == "float":
        raise unsupported(f"{name} of FLOAT")
    if name in ("MIN", "MAX"):
        return typed((exp.Min if name == "MIN" else exp.Max)(this=orderable(counted)), kind)
    if kind.family not in (*_NUMBERS, "null"):
        raise unsupported(f"{name} of {kind.name.upper()}")
    exact = kind.family in _EXACT
    places = kind.places + (4 if name == "AVG" else 0) if exact else -1
    return call(name, decimal(places) if exact else types.DOUBLE, counted if exact else real(counted), places)


RULES: Mapping[type[Node], tuple[Any, ...]] = {
    **dict.fromkeys((exp.Literal, exp.Null, exp.Boolean, exp.HexString, exp.Introducer), (_literal,)),
    **dict.fromkeys(_SIGNS, (_arithmetic, "safe", "typed")),
    **dict.fromkeys((exp.And, exp.Or, exp.Not), (_logic,)),
    **dict.fromkeys(_COMPARISONS, (_comparison,)),
    **dict.fromkeys((exp.CurrentTimestamp, exp.CurrentDate, exp.CurrentUser), (_now,)),
    **dict.fromkeys((exp.Like, exp.RegexpLike), (_matched, "negate")),
    exp.Neg: (_negative,), exp.Column: (_column, "table", "db"), exp.Is: (_is_null,), exp.In: (_in,),
    exp.Paren: (lambda node, scope: value(node.this, scope),), exp.Between: (_between, "low", "high"),
    exp.Case: (_case, "ifs", "default"), exp.If: (_case, "true", "false"), exp.SessionParameter: (_variable, "kind"),
    exp.Anonymous: (_function,),
}  # fmt: skip
_PREDICATES = (*_COMPARISONS, exp.Is, exp.In, exp.Like, exp.RegexpLike, exp.Between)


# Types


def text(node: Node) -> Node:
    """A value as MySQL shows it as text."""
    kind = kind_of(node)
    if kind.name == "float" or kind.binary or kind.family in ("blob", "bit", "spatial"):
        raise unsupported(f"{kind.name.upper()} as text")
    return call("text", types.VARCHAR, node) if kind.family in ("integer", "real") else typed(node, types.VARCHAR)


def real(node: Node) -> Node:
    """A value as a types.DOUBLE."""
    return node if kind_of(node).family in ("real", "null") else call("real", types.DOUBLE, node)


def unified(nodes: Sequence[Node]) -> tuple[list[Node], ColumnType]:
    """Values that may each be the result, in one type. Raises 1235 for a mix that has no exact one."""
    kinds = [kind_of(node) for node in nodes if kind_of(node).name != "null"]
    families = {kind.family for kind in kinds}
    if len(set(kinds)) < 2 and not families & {"decimal", "enum"}:
        return list(nodes), kinds[0] if kinds else types.NULL
    if families == {"integer"} and len({kind.unsigned for kind in kinds}) == 1:
        return list(nodes), types.BIGINT
    if families <= _EXACT and "decimal" in families:
        places = max(kind.places for kind in kinds)
        return [call("fixed", decimal(places), node, places) for node in nodes], decimal(places)
    if not families <= {"text", "integer", "decimal"} or "text" not in families:
        raise unsupported(f"one result of {' or '.join(sorted({kind.name.upper() for kind in kinds}))}")
    return [text(node) for node in nodes], types.VARCHAR


def comparable(left: Node, right: Node, *, ordered: bool) -> tuple[Node, Node]:
    """Both sides so that SQLite compares them as MySQL does. Raises 1235 for pairs of types without such a form."""
    one, other = kind_of(left), kind_of(right)
    families = {one.family, other.family}
    if "null" in families:
        return left, right
    if "temporal" in families:
        return _moments(left, right)
    if families <= {"text", "enum"} and not (ordered and "enum" in families):
        return collated(left, types.BINARY_COLLATION if one.binary or other.binary else types.COLLATION), right
    if families == {"blob"}:
        return left, right
    if not families <= _NUMBERS:
        raise unsupported(f"comparing {one.name.upper()} with {other.name.upper()}")
    left, right = _number_literal(left), _number_literal(right)
    families = {kind_of(left).family, kind_of(right).family}
    if families == {"integer"}:
        return left, right
    if families <= _EXACT:
        left, right = (text(node) for node in (left, right))
        return collated(left, types.DECIMAL_COLLATION), right
    return real(left), real(right)


def _number_literal(node: Node) -> Node:
    found = number_of(node.this) if isinstance(node, exp.Literal) and kind_of(node).family == "text" else None
    return constant(found) if isinstance(found, int) and abs(found) < 2**63 else node


def _moments(left: Node, right: Node) -> tuple[Node, Node]:
    sides = []
    for node, kind in ((left, kind_of(left)), (right, kind_of(right))):
        written = moment(node.this, ColumnType("datetime", 6)) if kind.family == "text" and node.is_string else None
        if written is None and (kind.family != "temporal" or kind.name == "time"):
            raise unsupported(f"comparing dates with {node.sql()[:40]}")
        sides.append(constant(written) if written else call("moment", types.VARCHAR, node))
    return sides[0], sides[1]
