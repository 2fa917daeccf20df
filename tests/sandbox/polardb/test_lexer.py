"""MySQL's words, as pure functions."""

import pytest

from sandbox.polardb.errors import SqlError
from sandbox.polardb.lexer import Reader, statements, tokens, without_version_comments


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("a `b``c` 'd''e' \"f\"", [("word", "a"), ("name", "b`c"), ("string", "d'e"), ("string", "f")]),
        (r"'a\'b\\\n\%'", [("string", "a'b\\\n\\%")]),
        ("1 2.5 .5 1e3 0x41 x'41'", [("number", "1"), ("number", "2.5"), ("number", ".5"), ("number", "1e3"),
                                     ("hex", "0x41"), ("hex", "x'41'")]),
        ("1a_2 t1", [("word", "1a_2"), ("word", "t1")]),
        ("@@x <=> a->>'$'", [("variable", "@@"), ("word", "x"), ("sign", "<=>"), ("word", "a"), ("sign", "->>"),
         ("string", "$")]),
        ("a -- b\n# c\n/* d */ e --f", [("word", "a"), ("word", "e"), ("sign", "-"), ("sign", "-"), ("word", "f")]),
    ],
)  # fmt: skip
def test_reads_words(sql, values):
    assert [(token.kind, token.value) for token in tokens(sql)] == values


def test_double_quotes_are_names_under_ansi_quotes():
    assert [token.kind for token in tokens("\"a\" 'b'", ansi_quotes=True)] == ["name", "string"]


@pytest.mark.parametrize("sql", ["'open", 'say "x', "`a", "a ' b"])
def test_an_open_quote_is_a_syntax_error(sql):
    with pytest.raises(SqlError) as refused:
        tokens(sql)
    assert refused.value.code == 1064


def test_scripts_are_cut_at_semicolons_outside_of_quotes_and_comments():
    assert statements("a; b ';' -- ;\n;; /* ; */ ; c") == ["a", "b ';' -- ;", "c"]


@pytest.mark.parametrize(
    ("sql", "read"),
    [("a /*!40101 b */", "a  b "), ("a /*!80099 b */", "a  "), ("/*! b */", " b "), ("/* b */", "/* b */")],
)
def test_version_comments_are_code_for_old_enough_versions(sql, read):
    assert without_version_comments(sql) == read


def test_a_reader_says_where_it_stopped():
    reader = Reader("DROP\nTABLE 5")
    reader.expect("DROP", "TABLE")
    with pytest.raises(SqlError, match="near '5' at line 2"):
        reader.name()
