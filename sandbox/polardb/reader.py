"""MySQL's words and grammar, read by sqlglot; `Reader` is for the statements that sqlglot has no tree for.

Functions stay names with arguments in the tree, so that the allow-list in `translate` alone decides what they mean.
"""

from __future__ import annotations

import logging
import re
from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.mysql import MySQL
from sqlglot.errors import ParseError, TokenError
from sqlglot.parsers.mysql import MySQLParser
from sqlglot.tokenizer_core import Token, TokenType

from sandbox.polardb.errors import SqlError, refusal, syntax_error, unsupported

SERVER_VERSION = 80013
_SPECIAL_SYNTAX = ("CAST", "CONVERT", "TRIM", "VALUES", "GROUP_CONCAT", "SUBSTRING", "SUBSTR")
_VERSIONED = re.compile(r"('(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`)|/\*!(\d{5,6})?(.*?)\*/", re.DOTALL)
_QUOTED = (TokenType.STRING, TokenType.NATIONAL_STRING)
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)


class _Parser(MySQLParser):
    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {name: MySQLParser.FUNCTION_PARSERS[name] for name in _SPECIAL_SYNTAX}

    def _parse_expression(self) -> Any:
        """Keeps the text of each expression: MySQL heads a column without a name with it."""
        first = self._curr
        node = super()._parse_expression()
        if node is not None and first:
            node.meta["text"] = self._find_sql(first, self._prev)
        return node


class PlainMySQL(MySQL):
    """The default sql_mode."""

    Parser = _Parser

    class Tokenizer(MySQL.Tokenizer):
        COMMANDS: ClassVar[set[TokenType]] = set()


class AnsiQuotesMySQL(PlainMySQL):
    """sql_mode ANSI_QUOTES: "x" is a name."""

    class Tokenizer(PlainMySQL.Tokenizer):
        QUOTES: ClassVar[list[Any]] = ["'"]
        IDENTIFIERS: ClassVar[list[Any]] = ["`", '"']


def statements(sql: str, *, ansi_quotes: bool = False) -> list[Reader]:
    """`sql` cut at its semicolons; version comments are code up to `SERVER_VERSION`. Raises 1064 at an open quote."""
    if "/*!" in sql:
        sql = _VERSIONED.sub(lambda it: it[1] or (it[3] if int(it[2] or 0) <= SERVER_VERSION else " "), sql)
    dialect = AnsiQuotesMySQL if ansi_quotes else PlainMySQL
    try:
        tokens = dialect().tokenize(sql)
    except TokenError:
        raise syntax_error(sql, 0) from None
    pieces: list[list[Token]] = [[]]
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            pieces.append([])
        else:
            pieces[-1].append(token)
    return [Reader(sql, piece, dialect) for piece in pieces if piece]


class Reader:
    """One statement, word by word. `accept` moves on only if its words are next; the rest raise 1064."""

    def __init__(self, sql: str, tokens: list[Token], dialect: type[MySQL] = PlainMySQL) -> None:
        self.script = sql
        self.sql = sql[tokens[0].start : tokens[-1].end + 1]
        self.tokens = tokens
        self.dialect = dialect
        # sqlglot reads PRIMARY KEY as one word.
        self.words = [
            (token, part)
            for token in tokens
            for part in ([token.text] if quoted(token) or not token.text.strip() else token.text.split())
        ]
        self.at = 0

    @property
    def done(self) -> bool:
        return self.at >= len(self.words)

    @property
    def rest(self) -> str:
        """The text not read yet."""
        return "" if self.done else self.script[self.words[self.at][0].start : self.tokens[-1].end + 1]

    def tree(self, **first: Any) -> exp.Expression:
        """What is left, as sqlglot's tree; `first` replaces its first token. Raises 1064 where reading stopped."""
        tokens = self.tokens[self.tokens.index(self.words[self.at][0]) :] if not self.done else []
        if misread := next(filter(None, map(_misread, tokens, [*tokens[1:], None])), None):
            raise syntax_error(self.script, misread.start)
        if first:
            tokens = [Token(start=tokens[0].start, end=tokens[0].end, **first), *tokens[1:]]
        try:
            tree = self.dialect().parser().parse(tokens, self.script)[0] if tokens else None
        except ParseError as error:
            raise syntax_error(self.script, self._position(error)) from None
        if not isinstance(tree, exp.Expression):
            raise self.error()
        if isinstance(tree, exp.Command):
            raise unsupported(self.rest[:60])
        return tree

    def _position(self, error: ParseError) -> int:
        first = error.errors[0] if error.errors else {}
        line, column = first.get("line") or 1, first.get("col") or 0
        before = sum(len(text) + 1 for text in self.script.split("\n")[: line - 1])
        return min(len(self.script), max(0, before + column - len(first.get("highlight") or "")))

    def error(self) -> SqlError:
        """1064, at the next word."""
        position = len(self.script) if self.done else self.words[self.at][0].start
        return syntax_error(self.script, position)

    def peek(self, *words: str) -> bool:
        """Whether the next words are these (any case; never quoted ones)."""
        ahead = self.words[self.at : self.at + len(words)]
        return len(ahead) == len(words) and all(
            not quoted(token) and text.upper() == word for (token, text), word in zip(ahead, words, strict=True)
        )

    def accept(self, *words: str) -> bool:
        """Moves past these words if they are next."""
        found = self.peek(*words)
        self.at += len(words) if found else 0
        return found

    def accept_any(self, *choices: str) -> str | None:
        """Moves past one of these words, or groups of words, and says which."""
        return next((words for words in choices if self.accept(*words.split())), None)

    def expect(self, *words: str) -> None:
        if not self.accept(*words):
            raise self.error()

    def take(self) -> str:
        """The next word, whatever it is, unquoted."""
        if self.done:
            raise self.error()
        self.at += 1
        return self.words[self.at - 1][1]

    def name(self) -> str:
        """An identifier, quoted or not."""
        if self.done or not self.is_name():
            raise self.error()
        return self.take()

    def is_name(self) -> bool:
        token, text = self.words[self.at]
        return token.token_type is TokenType.IDENTIFIER or (
            not quoted(token) and re.fullmatch(r"[\w$]+", text) is not None and not text.isdecimal()
        )

    def is_string(self) -> bool:
        return not self.done and self.words[self.at][0].token_type in _QUOTED

    def string(self) -> str:
        """A string literal."""
        if not self.is_string():
            raise self.error()
        return self.take()

    def integer(self) -> int:
        if self.done or not self.words[self.at][1].isdecimal() or self.is_string():
            raise self.error()
        return int(self.take())

    def listed(self, read: Any) -> list[Any]:
        """`(a, b, c)`, each read by `read`."""
        self.expect("(")
        found = [read()]
        while self.accept(","):
            found.append(read())
        self.expect(")")
        return found

    def setting(self) -> tuple[str, str]:
        """`'name' = value`."""
        name = self.string()
        self.expect("=")
        return name, self.take()

    def qualified(self, current: str) -> tuple[str, str]:
        """`db.table` or `table`, as (database, table) in lower case. Raises 1046 when there is no database to use."""
        first, second = self.name(), self.name() if self.accept(".") else ""
        if not second and not current:
            raise refusal(1046)
        if "." in first + second:
            raise unsupported("names with a dot")
        return (first.lower(), second.lower()) if second else (current, first.lower())

    def end(self) -> None:
        """Nothing may follow."""
        if not self.done:
            raise self.error()


_BEFORE = {TokenType.FROM, TokenType.WHERE, TokenType.R_PAREN, TokenType.STAR}
_TOUCHING = ("COUNT", "SUM", "MIN", "MAX", "NOW", "CURDATE")


def _misread(token: Token, following: Token | None) -> Token | None:
    """What MySQL's grammar has not, and sqlglot reads all the same."""
    if quoted(token):
        return None
    placed = following and token.text.upper() == "NULLS" and following.text.upper() in ("FIRST", "LAST")
    if token.text == "==" or placed:
        return token
    if token.token_type is TokenType.COMMA and (following is None or following.token_type in _BEFORE):
        return following or token
    if following and token.token_type is TokenType.INTO and following.token_type is TokenType.TABLE:
        return following
    apart = following and following.token_type is TokenType.L_PAREN and following.start > token.end + 1
    return following if apart and token.text.upper() in _TOUCHING else None


def quoted(token: Token) -> bool:
    """Whether a token is a string or a quoted name."""
    return token.token_type in (*_QUOTED, TokenType.IDENTIFIER)
