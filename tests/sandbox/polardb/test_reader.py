"""MySQL's words, as pure functions."""

import pytest

from sandbox.polardb.errors import SqlError
from sandbox.polardb.reader import quoted, statements


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("a `b``c` 'd''e' \"f\"", ["a", "b`c", "d'e", "f"]),
        (r"'a\'b\\\n\%'", ["a'b\\\n\\%"]),
        ("1 2.5 1e3 0x41 x'41'", ["1", "2.5", "1e3", "41", "41"]),
        ("1a_2 t1", ["1a_2", "t1"]),
        ("@@x <=> a->>'$'", ["@@", "x", "<=>", "a", "->>", "$"]),
        ("a -- b\n# c\n/* d */ e --f", ["a", "e", "-", "-", "f"]),
        ("id INT PRIMARY KEY", ["id", "INT", "PRIMARY", "KEY"]),
    ],
)
def test_reads_words(sql, values):
    (reader,) = statements(sql)
    assert [text for _, text in reader.words] == values


def test_double_quotes_are_names_under_ansi_quotes():
    (reader,) = statements("\"a\" 'b'", ansi_quotes=True)
    assert [reader.name(), reader.string()] == ["a", "b"]
    assert all(quoted(token) for token in reader.tokens)


@pytest.mark.parametrize("sql", ["'open", 'say "x', "`a", "a ' b"])
def test_an_open_quote_is_a_syntax_error(sql):
    with pytest.raises(SqlError) as refused:
        statements(sql)
    assert refused.value.code == 1064


def test_scripts_are_cut_at_semicolons_outside_of_quotes_and_comments():
    assert [reader.sql for reader in statements("a; b ';' -- ;\n;; /* ; */ ; c")] == ["a", "b ';'", "c"]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("a /*!40101 b */", ["a", "b"]),
        ("a /*!80099 b */", ["a"]),
        ("/*! b */", ["b"]),
        ("a /* b */", ["a"]),
        ("'/*!1 */'", ["/*!1 */"]),
    ],
)
def test_version_comments_are_code_for_old_enough_versions(sql, words):
    assert [text for reader in statements(sql) for _, text in reader.words] == words


def test_a_reader_says_where_it_stopped():
    (reader,) = statements("DROP\nTABLE 5")
    reader.expect("DROP", "TABLE")
    with pytest.raises(SqlError, match="near '5' at line 2"):
        reader.name()
