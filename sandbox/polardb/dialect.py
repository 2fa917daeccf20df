"""MySQL's grammar, read by sqlglot, with functions left as they were written.

sqlglot knows hundreds of functions and rewrites them; here every call stays a name with arguments, so that
`expressions` alone decides what it means.
"""

from __future__ import annotations

import logging
import re
from typing import Any, ClassVar

import sqlglot
from sqlglot import exp
from sqlglot.dialects.mysql import MySQL
from sqlglot.errors import ParseError, TokenError
from sqlglot.parsers.mysql import MySQLParser

from sandbox.polardb.errors import syntax_error

_SPECIAL_SYNTAX = ("CAST", "CONVERT", "TRIM", "VALUES", "GROUP_CONCAT", "SUBSTRING", "SUBSTR")
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)


class _PlainParser(MySQLParser):
    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {name: MySQLParser.FUNCTION_PARSERS[name] for name in _SPECIAL_SYNTAX}


class PlainMySQL(MySQL):
    """The default sql_mode."""

    Parser = _PlainParser


class AnsiQuotesMySQL(PlainMySQL):
    """sql_mode ANSI_QUOTES: "x" is a name."""

    class Tokenizer(MySQL.Tokenizer):
        QUOTES: ClassVar[list[Any]] = ["'"]
        IDENTIFIERS: ClassVar[list[Any]] = ["`", '"']


def parsed(sql: str, *, ansi_quotes: bool = False) -> exp.Expression:
    """One statement as a tree. Raises 1064 where reading stopped."""
    readable = re.sub(r"@@(\w+\.)?`(\w+)`", r"@@\1\2", sql)
    try:
        tree = sqlglot.parse_one(readable, read=AnsiQuotesMySQL if ansi_quotes else PlainMySQL)
    except ParseError as error:
        raise syntax_error(sql, _position(sql, error)) from None
    except TokenError:
        raise syntax_error(sql, 0) from None
    if not isinstance(tree, exp.Expression) or isinstance(tree, exp.Command):
        raise syntax_error(sql, 0)
    return tree


def _position(sql: str, error: ParseError) -> int:
    first = error.errors[0] if error.errors else {}
    line, column, word = first.get("line") or 1, first.get("col") or 0, first.get("highlight") or ""
    before = sum(len(text) + 1 for text in sql.split("\n")[: line - 1])
    return min(len(sql), max(0, before + column - len(word)))
