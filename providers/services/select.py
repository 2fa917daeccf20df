"""Reads a query from SQL, for a sync link to follow it. The only module that imports sqlglot. Pure.

Whatever a link cannot keep right, or no documentation of AutoETL has, is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from .query import Expression, Parts, Query, QueryColumn, QueryTable, Text, joined
from .sqltext import quote

if TYPE_CHECKING:
    from sqlglot import exp

INFIX = {
    "and": "AND", "or": "OR", "eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=",
    "add": "+", "sub": "-", "mul": "*",
}  # fmt: skip
CALLS = {"coalesce": "COALESCE", "concat": "CONCAT", "concatws": "CONCAT_WS", "lower": "LOWER", "upper": "UPPER"}
"""Operators and functions that mean the same in MySQL and in Flink SQL, by sqlglot's name."""

EXAMPLE = "write SELECT p.id, c.name AS category FROM shop.products AS p JOIN shop.categories AS c ON c.id = p.category"
CLAUSES = {
    "distinct": "DISTINCT: every row is a document; leave it out",
    "group": "GROUP BY: no link keeps its results right; keep them in a table, and join that",
    "having": "HAVING: no link keeps its results right; keep them in a table, and join that",
    "order": "ORDER BY: an index has no order; leave it out, and sort the search",
    "limit": "LIMIT: an index has every row; leave it out, or choose rows with WHERE",
    "offset": "OFFSET: an index has every row; leave it out, or choose rows with WHERE",
    "with_": "WITH: no documentation of AutoETL has it; name its tables in FROM and JOIN",
    "locks": "FOR UPDATE or FOR SHARE: a link locks nothing; leave it out",
}
NAME = r"[^`\x00]+"
JOIN = ("this", "side", "kind", "method", "on")
JOINS = {"JOIN": "JOIN", "INNER JOIN": "JOIN", "LEFT JOIN": "LEFT JOIN", "LEFT OUTER JOIN": "LEFT JOIN"}
SUBQUERY = "a subquery: no documentation of AutoETL has it; join its table"
VARIABLE = "a variable: a link keeps no session; write its value"
STAR = "SELECT *: columns that are added later would not be synced; name the columns"
NODES = {
    **dict.fromkeys(("subquery", "select", "exists", "union", "lateral"), SUBQUERY),
    **dict.fromkeys(("parameter", "sessionparameter", "placeholder"), VARIABLE),
    "star": STAR,
    "window": "a window function: no link keeps its results right; keep them in a column",
}
KNOWN = f"comparisons, IN, BETWEEN, IS NULL, AND, OR, NOT, +, -, *, CASE, IF, {', '.join(CALLS.values())}"


@lru_cache(maxsize=256)
def read_query(text: str) -> Query:
    """Returns the query. Raises ValueError with everything that is wrong with it."""
    reading = _Reading()
    query = reading.query(_tree(text))
    if found := reading.found():
        raise ValueError("; ".join(found))
    return query


def normal_query(text: str) -> str:
    """Returns a query's normal form. Raises ValueError with everything that is wrong with it."""
    return str(read_query(text))


def _tree(text: str) -> exp.Expression:
    import sqlglot  # 70 ms, for stacks with a query alone
    from sqlglot.errors import ParseError, TokenError

    if not re.match(r"[\s(]*(SELECT|WITH)\b", text, re.IGNORECASE):
        raise ValueError(f"{text[:40]!r} is no SELECT; {EXAMPLE}")
    if "\\" in text:
        raise ValueError("a backslash: MySQL and Flink SQL read it in different ways; leave it out")
    try:
        trees = sqlglot.parse(text, read="mysql")
    except (ParseError, TokenError, RecursionError) as error:
        raise ValueError(f"cannot be read{_place(error)}; {EXAMPLE}") from None
    found = [tree for tree in trees if isinstance(tree, sqlglot.exp.Expression)]
    statement, *more = [tree for tree in found if tree.key != "semicolon"]
    if more:
        raise ValueError("has several statements; write one SELECT")
    return statement


def _place(error: Exception) -> str:
    found = getattr(error, "errors", None)
    return f" from {(found[0]['highlight'] + found[0]['end_context'])[:40].strip()!r} on" if found else ""


class _Reading:
    """A query while it is read; `found` tells what is wrong with it."""

    def __init__(self) -> None:
        self._mistakes: dict[str, None] = {}
        self._unknown: list[str] = []
        self._names: dict[str, str] = {}
        """The tables so far, by alias."""
        self._used: dict[str, dict[str, None]] = {}

    def found(self) -> list[str]:
        """Returns every mistake."""
        unknown = f"{', '.join(self._unknown)}: not known to be the same in MySQL and Flink SQL; use {KNOWN}"
        return [*self._mistakes, *([unknown] if self._unknown else [])]

    def query(self, tree: exp.Expression) -> Query:
        """Reads a SELECT."""
        if tree.key != "select":
            several = tree.key in ("union", "intersect", "except")
            what = f"{tree.key.upper()}: a link follows one SELECT; make a collection of each"
            self._refuse(what if several else f"is no SELECT; {EXAMPLE}")
            return Query((), {}, ())
        self._clauses(tree, CLAUSES, "expressions", "from_", "joins", "where")
        equal, source = self._from(tree)
        outputs = self._outputs(tree)
        tables = (QueryTable(self._names[one], one, tuple(self._used[one]), equal.get(one, ())) for one in self._names)
        return Query(tuple(tables), outputs, source)

    def _refuse(self, mistake: str) -> None:
        self._mistakes[mistake] = None

    def _clauses(self, node: exp.Expression, why: Mapping[str, str], *known: str) -> None:
        """Refuses whatever a node says beyond what is known."""
        for name, value in node.args.items():
            if value and name not in known:
                word = name.strip("_").replace("_", " ").upper()
                self._refuse(why.get(name, f"{word}: no documentation of AutoETL has it; leave it out"))

    # FROM, JOIN and WHERE

    def _from(self, tree: exp.Expression) -> tuple[dict[str, tuple[str, ...]], Parts]:
        """Returns the columns of each table that ON makes equal to something, and the clauses."""
        first = tree.args.get("from_")
        if first is None:
            self._refuse(f"has no FROM; {EXAMPLE}")
            return {}, ()
        equal: dict[str, tuple[str, ...]] = {}
        clauses: list[Parts] = [("FROM ", self._table(first.this))]
        for join in tree.args.get("joins") or ():
            table = self._table(join.this)
            on, alias = join.args.get("on"), join.this.alias or join.this.name
            clauses.append((f"{self._join_word(join)} {table} ON ", *(self._condition(on).parts if on else ())))
            equal[alias] = self._equal(on, alias) if on else ()
        if where := tree.args.get("where"):
            clauses.append(("WHERE ", *self._condition(where.this).parts))
        return equal, joined(" ", clauses)

    def _table(self, node: exp.Expression) -> str:
        """Returns a table as FROM names it."""
        if node.key != "table" or node.this.key != "identifier":
            self._refuse(NODES.get(node.key, f"{_said(node)} is no table; name one, as database.table"))
            return ""
        self._clauses(node, {}, "this", "db", "alias")
        database, alias = node.text("db"), node.alias or node.name
        if node.alias_column_names or not all(re.fullmatch(r"[^`.\s]+", one) for one in (node.name, alias)):
            self._refuse(f"{_said(node)} cannot be named so; write database.table AS name")
        if not re.fullmatch(r"[^`.\s]+", database):
            self._refuse(f"{node.name} must name its database too; write database.{node.name}")
        if alias in self._names:
            self._refuse(f"two tables are called {alias}; give each a name of its own, with AS")
        self._names[alias], self._used[alias] = f"{database}.{node.name}", {}
        return f"`{database}`.`{node.name}` AS `{alias}`"

    def _join_word(self, join: exp.Expression) -> str:
        self._clauses(join, {"using": "USING: no documentation of AutoETL has it; write ON"}, *JOIN)
        words = [join.text(name).upper().removesuffix("_JOIN") for name in ("method", "side", "kind")]
        if (word := " ".join([*filter(None, words), "JOIN"])) not in JOINS:
            self._refuse(f"{word}: the first table's rows are the documents; write JOIN or LEFT JOIN, with ON")
        elif not (join.args.get("on") or join.args.get("using")):
            self._refuse("a table without ON: write JOIN … ON")
        return JOINS.get(word, "")

    def _equal(self, on: exp.Expression, alias: str) -> tuple[str, ...]:
        """Returns the columns of a joined table that its ON makes equal to something."""
        own, tied = dict[str, None](), False
        for each in _conjuncts(on):
            sides = [each.this, each.args["expression"]] if each.key == "eq" else []
            mine = [side for side in sides if side.key == "column" and side.text("table") == alias]
            others = [side.key for side in sides if side not in mine]
            if len(mine) != 1 or not set(others) <= {"column", "literal"}:
                self._refuse(f"ON {_said(each)}: only equalities keep a join right; write {alias}.x = p.y")
            own |= {side.name: None for side in mine}
            tied |= "column" in others
        if own and not tied:
            self._refuse(f"ON {_said(on)} ties {alias} to no other table; write {alias}.x = p.y")
        return tuple(own)

    # The select list

    def _outputs(self, tree: exp.Expression) -> dict[str, Expression]:
        outputs: dict[str, Expression] = {}
        for item in tree.expressions:
            inner = item.this if item.key == "alias" else item
            expression, name = self._expression(inner), item.alias or (inner.name if inner.key == "column" else "")
            if inner.key == "star" or (inner.key == "column" and inner.this.key == "star"):
                continue
            if not re.fullmatch(NAME, name):
                self._refuse(f"{_said(item)} has no name; give it one with AS")
            if name.casefold() in map(str.casefold, outputs):
                self._refuse(f"two columns are called {name}; give each a name of its own, with AS")
            if expression.kind == "BOOLEAN":
                self._refuse(
                    f"{name}: a condition is 1 or 0 in MySQL, and true or false in Flink SQL; write IF(…, 1, 0)"
                )
            outputs[name] = expression
        return outputs

    # Expressions

    def _expression(self, node: exp.Expression) -> Expression:
        if node.key in INFIX:
            return self._infix(node)
        if node.key in CALLS:
            return self._call(node)
        read: Callable[[exp.Expression], Expression] | None = getattr(self, f"_read_{node.key}", None)
        if read is not None:
            return read(node)
        if node.key in NODES:
            self._refuse(NODES[node.key])
        else:
            self._unknown.append(_said(node))
        return Expression((), "STRING")

    def _infix(self, node: exp.Expression) -> Expression:
        read = self._condition if node.key in ("and", "or") else self._expression
        one, other = read(node.this), read(node.args["expression"])
        kind = "DOUBLE" if node.key in ("add", "sub", "mul") else "BOOLEAN"
        return Expression((*one.parts, f" {INFIX[node.key]} ", *other.parts), kind)

    def _call(self, node: exp.Expression) -> Expression:
        first = [] if node.this is None else [node.this]
        given = [self._expression(each) for each in (*first, *node.expressions)]
        parts = joined(", ", [each.parts for each in given])
        return Expression((f"{CALLS[node.key]}(", *parts, ")"), _common(given) if node.key == "coalesce" else "STRING")

    def _read_column(self, node: exp.Expression) -> Expression:
        if node.this.key == "star":
            self._refuse(STAR)
            return Expression((), "STRING")
        alias = self._alias(node)
        if not re.fullmatch(NAME, node.name):
            self._refuse(f"{_said(node)}: no column can be named so")
            return Expression((), "STRING")
        if alias is None:
            return Expression((), "STRING")
        self._used[alias][node.name] = None
        return Expression((quote(alias, node.name),), QueryColumn(self._names[alias], node.name), is_column=True)

    def _alias(self, node: exp.Expression) -> str | None:
        """Returns the alias of a column's table; None where there is no such table."""
        table, database = node.text("table"), node.text("db")
        if not table and len(self._names) == 1:
            return next(iter(self._names))
        if not table:
            self._refuse(f"{node.name}: write it with its table, such as {next(iter(self._names), 'p')}.{node.name}")
        elif table not in self._names or (database and self._names[table] != f"{database}.{table}"):
            self._refuse(f"{_said(node)}: no table before it is called {table}; there is {self._listed}")
        else:
            return table
        return None

    @property
    def _listed(self) -> str:
        return ", ".join(self._names) or "none"

    def _read_literal(self, node: exp.Expression) -> Expression:
        if node.args.get("is_string"):
            return Expression((Text(node.name),), "STRING")
        return Expression((node.name,), "BIGINT" if node.name.isdecimal() else "DOUBLE")

    def _read_null(self, _node: exp.Expression) -> Expression:
        return Expression(("NULL",), "")

    def _read_paren(self, node: exp.Expression) -> Expression:
        inner = self._expression(node.this)
        return Expression(("(", *inner.parts, ")"), inner.kind)

    def _read_neg(self, node: exp.Expression) -> Expression:
        inner = self._expression(node.this)
        return Expression(("- ", *inner.parts), inner.kind)

    def _read_not(self, node: exp.Expression) -> Expression:
        inner = node.this
        if inner.key in ("is", "in", "between"):
            return self._predicate(inner, "NOT ")
        return Expression(("NOT ", *self._condition(inner).parts), "BOOLEAN")

    def _predicate(self, node: exp.Expression, negated: str = "") -> Expression:
        """Returns IS NULL, IN or BETWEEN; `negated` is its NOT."""
        tested = self._expression(node.this).parts
        if node.key == "is":
            if node.args["expression"].key != "null":
                self._unknown.append(_said(node))
            return Expression((*tested, f" IS {negated}NULL"), "BOOLEAN")
        if node.key == "between":
            low, high = (self._expression(node.args[name]).parts for name in ("low", "high"))
            return Expression((*tested, f" {negated}BETWEEN ", *low, " AND ", *high), "BOOLEAN")
        self._clauses(node, {"query": SUBQUERY}, "this", "expressions")
        listed = joined(", ", [self._expression(each).parts for each in node.expressions])
        return Expression((*tested, f" {negated}IN (", *listed, ")"), "BOOLEAN")

    _read_is = _read_in = _read_between = _predicate

    def _condition(self, node: exp.Expression) -> Expression:
        """Returns a condition, which is no number in Flink SQL."""
        found = self._expression(node)
        if found.parts and found.kind != "BOOLEAN":
            self._refuse(f"{_said(node)} is no condition in Flink SQL; compare it, such as with = 1")
        return found

    def _read_case(self, node: exp.Expression) -> Expression:
        base = (" ", *self._expression(node.this).parts) if node.this else ()
        read = self._expression if node.this else self._condition
        tests = [read(branch.this).parts for branch in node.args["ifs"]]
        results = [self._expression(branch.args["true"]) for branch in node.args["ifs"]]
        branches = [(" WHEN ", *test, " THEN ", *result.parts) for test, result in zip(tests, results, strict=True)]
        default = [self._expression(node.args["default"])] if node.args.get("default") else []
        otherwise = [(" ELSE ", *each.parts) for each in default]
        return Expression(("CASE", *base, *joined("", [*branches, *otherwise]), " END"), _common([*results, *default]))

    def _read_if(self, node: exp.Expression) -> Expression:
        results = [self._expression(node.args[name]) for name in ("true", "false") if node.args.get(name)]
        given = [self._condition(node.this), *results]
        return Expression(("IF(", *joined(", ", [each.parts for each in given]), ")"), _common(results))


def _said(node: exp.Expression) -> str:
    """Returns an expression as it stands in a message."""
    from sqlglot import ErrorLevel

    return node.sql("mysql", unsupported_level=ErrorLevel.IGNORE)[:60]


def _conjuncts(node: exp.Expression) -> Iterator[exp.Expression]:
    if node.key == "paren":
        yield from _conjuncts(node.this)
    elif node.key == "and":
        yield from _conjuncts(node.this)
        yield from _conjuncts(node.args["expression"])
    else:
        yield node


def _common(given: Sequence[Expression]) -> QueryColumn | str:
    """Returns the type of the first that has one."""
    return next((each.kind for each in given if each.kind), "STRING")
