"""Source table: the rows that are to be found by meaning.

It is data, so it is treated with respect: one that exists is adopted, never altered and never dropped. Only one that
our stack made, as the marks in its comment say, is extended. Each resource of the stack that uses it has its mark
there, and it goes with the last of them, when it is empty or somebody said so.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import pulumi
from pulumi import Input, Output
from pydantic import AfterValidator, BeforeValidator, Field

from providers.kit import (
    Immutable,
    Inputs,
    Kind,
    Mark,
    NotFound,
    Refused,
    Resource,
    State,
    as_text,
    counted,
    describe,
    protected,
    quote,
    read_marks,
)

IDENTIFIER = r"^[^`.\s\x00]{1,64}$"
COLUMN_TYPE = re.compile(
    r"^[A-Za-z]+ ?(\(\s*\d+\s*(,\s*\d+\s*)?\)|\('[^'\\]*'(\s*,\s*'[^'\\]*')*\))?"
    r"( (UNSIGNED|ZEROFILL|NOT NULL|NULL|AUTO_INCREMENT|UNIQUE|CHARACTER SET \w+|COLLATE \w+"
    r"|DEFAULT (NULL|CURRENT_TIMESTAMP(\(\d\))?|-?\d+(\.\d+)?|'[^'\\]*')))*$",
    re.IGNORECASE,
)
_marking = threading.RLock()
"""Marks in a comment are read and written as a whole. Not the connections' lock: an ALTER may take its time."""

SYNONYMS = {"integer": "int", "bool": "tinyint", "boolean": "tinyint", "numeric": "decimal", "dec": "decimal"}


def column_type(text: str) -> str:
    """A column's type and attributes, as in CREATE TABLE. Raises ValueError for anything else."""
    if not COLUMN_TYPE.match(" ".join(text.split())):
        raise ValueError(f"{text!r} is no column type; write one such as VARCHAR(200) NOT NULL")
    return " ".join(text.split())


def base_type(text: str) -> str:
    """The word that decides how values are kept: `int` of `INT(11) UNSIGNED NOT NULL`."""
    word = re.match(r"\w+", text.lower())
    return SYNONYMS.get(word[0], word[0]) if word else ""


def as_list(value: Any) -> Any:
    """One column or several."""
    return [value] if isinstance(value, str) else value


class SourceTableInputs(Inputs):
    """What a person declares: the columns that are used, and the primary key."""

    database: Immutable[str] = Field(pattern=IDENTIFIER)
    name: Immutable[str] = Field(pattern=IDENTIFIER)
    columns: dict[Annotated[str, Field(pattern=IDENTIFIER)], Annotated[str, AfterValidator(column_type)]] = Field(
        min_length=1
    )
    primary_key: Immutable[Annotated[list[str], BeforeValidator(as_list)]] = Field(min_length=1)
    deletion_protection: bool = True


class SourceTableState(SourceTableInputs, State):
    """What PolarDB shows of what was declared. `incarnation` is empty for a table that was there before us."""


def mismatches(declared: SourceTableInputs, shown: Mapping[str, str], key: Sequence[str]) -> list[str]:
    """Where a table is not what was declared; columns it lacks are not among them."""
    wrong = [
        f"column {name} is {shown[name]}, not {text}"
        for name, text in declared.columns.items()
        if name in shown and base_type(shown[name]) != base_type(text)
    ]
    keyed = [f"its primary key is ({', '.join(key)}), not ({', '.join(declared.primary_key)})"]
    return wrong + (keyed if list(key) != list(declared.primary_key) else [])


class SourceTableKind(Kind[SourceTableInputs, SourceTableState]):
    """Makes or adopts, shows, extends and drops tables. The id is `<database>.<name>`."""

    inputs_type = SourceTableInputs
    state_type = SourceTableState
    identity = frozenset({"database", "name"})

    def find(self, inputs: SourceTableInputs) -> str | None:
        if self._columns(inputs):
            return _id(inputs)
        if self._comment(inputs) is not None:  # MySQL shows a table to whoever may ALTER it, but not its columns
            raise Refused(f"table {_id(inputs)}: this account lacks SELECT on {_id(inputs)}: grant it")
        return None

    def require_possible(self, inputs: SourceTableInputs) -> None:
        """A table that is there must be what is declared or, where our stack made it, able to become it."""
        if not (shown := self._columns(inputs)):
            return
        self._refuse_mismatches(inputs, shown)
        if Mark(inputs.owner).stack not in {mark.stack for mark in self._marks(inputs)}:
            self._leave_as_it_is(inputs, shown)

    def create(self, inputs: SourceTableInputs, incarnation: str) -> str:
        with _marking:
            if self._columns(inputs):  # another resource, which uses it too, was faster
                self.update(_id(inputs), self.read(_id(inputs), inputs), inputs, incarnation)
            else:
                self._make(inputs, incarnation)
        return _id(inputs)

    def read(self, id: str, declared: SourceTableInputs) -> SourceTableState:
        if not (shown := self._columns(declared)):
            raise NotFound(f"SELECT FROM information_schema.columns {id}", None, "no such table")
        ours = (mark for mark in self._marks(declared) if mark.owner == declared.owner)
        columns = {
            name: text if base_type(shown[name]) == base_type(text) else shown[name]
            for name, text in declared.columns.items()
            if name in shown
        }
        found = {"columns": columns, "primary_key": self._key(declared), "owner": declared.owner}
        return SourceTableState.model_construct(
            **{**declared.model_dump(include=set(SourceTableInputs.model_fields)), **found},
            incarnation=next(ours, Mark()).incarnation,
        )

    def update(self, id: str, old: SourceTableState, new: SourceTableInputs, incarnation: str) -> None:
        shown = self._columns(new)
        self._refuse_mismatches(new, shown)
        ours = Mark(new.owner, incarnation)
        with _marking:
            marks = self._marks(new)
            if not {ours.stack, Mark(old.owner).stack} & {mark.stack for mark in marks}:
                return self._leave_as_it_is(new, shown)
            others = [mark for mark in marks if mark.owner not in (old.owner, new.owner)]
            return self._alter(new, [*others, ours], _missing(new, shown))

    def delete(self, id: str, state: SourceTableState) -> None:
        with _marking:
            if others := [mark for mark in self._marks(state) if mark.owner != state.owner]:
                return self._alter(state, others)
            return self._drop(id, state)

    def _make(self, inputs: SourceTableInputs, incarnation: str) -> None:
        comment = describe("", Mark(inputs.owner, incarnation))
        columns = [f"{quote(name)} {text}" for name, text in inputs.columns.items()]
        keyed = f"PRIMARY KEY ({', '.join(map(quote, inputs.primary_key))})"
        self.database.query(f"CREATE DATABASE IF NOT EXISTS {quote(inputs.database)}")
        self.database.query(f"CREATE TABLE {_quoted(inputs)} ({', '.join([*columns, keyed])}) COMMENT = %s", [comment])

    def _alter(self, table: SourceTableInputs, marks: Sequence[Mark], add: Mapping[str, str] | None = None) -> None:
        comment, _ = read_marks(self._comment(table) or "")
        for mark in marks:
            comment = describe(comment, mark)
        added = "".join(f"ADD COLUMN {quote(name)} {text}, " for name, text in (add or {}).items())
        self.database.query(f"ALTER TABLE {_quoted(table)} {added}COMMENT = %s", [comment])

    def _drop(self, id: str, state: SourceTableState) -> None:
        [row] = self.database.query(f"SELECT COUNT(*) AS n FROM {_quoted(state)}")
        if row["n"] and state.deletion_protection:
            raise protected(f"table {id} has {counted(row['n'], 'row')}")
        self.database.query(f"DROP TABLE {_quoted(state)}")

    def _refuse_mismatches(self, table: SourceTableInputs, shown: Mapping[str, str]) -> None:
        if wrong := mismatches(table, shown, self._key(table)):
            raise Refused(f"table {_id(table)}: {'; '.join(wrong)}; declare it as it is, or name another table")

    def _leave_as_it_is(self, table: SourceTableInputs, shown: Mapping[str, str]) -> None:
        if missing := _missing(table, shown):
            raise Refused(
                f"table {_id(table)} has no column {', '.join(missing)}; it was there before us and is never altered: "
                f"add it yourself, or leave it out"
            )

    def _columns(self, table: SourceTableInputs) -> dict[str, str]:
        rows = self.database.query(
            "SELECT column_name AS name, column_type AS type FROM information_schema.columns "
            "WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
            [table.database, table.name],
        )
        return {row["name"]: as_text(row["type"]) for row in rows}

    def _key(self, table: SourceTableInputs) -> list[str]:
        rows = self.database.query(
            "SELECT column_name AS name FROM information_schema.key_column_usage "
            "WHERE table_schema = %s AND table_name = %s AND constraint_name = 'PRIMARY' ORDER BY ordinal_position",
            [table.database, table.name],
        )
        return [row["name"] for row in rows]

    def _marks(self, table: SourceTableInputs) -> list[Mark]:
        return read_marks(self._comment(table) or "")[1]

    def _comment(self, table: SourceTableInputs) -> str | None:
        """None when there is no such table that this account can see."""
        rows = self.database.query(
            "SELECT table_comment AS comment FROM information_schema.tables "
            "WHERE table_schema = %s AND table_name = %s",
            [table.database, table.name],
        )
        return as_text(rows[0]["comment"]) if rows else None


def _missing(table: SourceTableInputs, shown: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in table.columns.items() if name not in shown}


def _id(table: SourceTableInputs) -> str:
    return f"{table.database}.{table.name}"


def _quoted(table: SourceTableInputs) -> str:
    return quote(table.database, table.name)


class SourceTable(Resource, module="polardb", name="SourceTable"):
    """A table of PolarDB, made if it is missing. Its id is `<database>.<name>`.

    Example:
        table = SourceTable(
            "rows",
            database="db",
            name="test_table",
            columns={"id": "INT", "t1": "INT", "t2": "TEXT"},
            primary_key="id",
            opts=opts,
        )
    """

    kind = SourceTableKind
    database: Output[str]
    name: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        database: Input[str],
        name: Input[str],
        columns: Input[Mapping[str, Input[str]]],
        primary_key: Input[str | Sequence[str]],
        deletion_protection: Input[bool] = True,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "database": database,
            "name": name,
            "columns": columns,
            "primary_key": primary_key,
            "deletion_protection": deletion_protection,
        }
        super().__init__(resource_name, props, opts)
