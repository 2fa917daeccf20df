import pytest

from sandbox.polarsearch.painless import Unknown, holds

DOCUMENT = {
    "text": " hello ",
    "blank": "  ",
    "wide": "\u3000",
    "n": 5,
    "nothing": None,
    "inner": {"a": "x", "list": [1, 2]},
    "on": True,
}


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        ("ctx['blank'] instanceof String && ctx['blank'].trim().isEmpty()", True),
        ("ctx['text'] instanceof String && ctx['text'].trim().isEmpty()", False),
        ("ctx['nothing'] instanceof String && ctx['nothing'].trim().isEmpty()", False),
        ("ctx['absent'] instanceof String && ctx['absent'].trim().isEmpty()", False),
        ("ctx['inner']?.get('a') instanceof String && ctx['inner']?.get('a').trim().isEmpty()", False),
        ("ctx['absent']?.get('a') instanceof String", False),
        ("ctx.wide.trim().isEmpty()", False),
        ("ctx.wide.chars().allMatch(Character::isWhitespace)", True),
        ("ctx.text.chars().allMatch(Character::isWhitespace)", False),
        ("ctx.n == 5", True),
        ("ctx.n >= 6 || ctx.on", True),
        ("!(ctx.n > 4.5) || ctx.nothing != null", False),
        ("ctx.inner.a == 'x' && ctx.inner.list.contains(2) && ctx.inner.list.size() == 2", True),
        ('ctx.text.contains("ell") && ctx.text.length() == 7', True),
        ("ctx.containsKey('absent')", False),
        ("ctx.absent?.deeper?.still == null", True),
        ("ctx.nothing == null || ctx.nothing.trim() == ''", True),
    ],
)
def test_a_condition_holds_or_not(condition, outcome):
    assert holds(condition, DOCUMENT) is outcome


@pytest.mark.parametrize(
    "condition",
    [
        "Math.random() > 0",
        "ctx.n = 5",
        "ctx.n == ",
        "return true;",
        "ctx.text.matches('x')",
        "ctx[",
        "a b",
        "Character::isDigit",
    ],
)
def test_what_is_not_understood_is_never_guessed(condition):
    with pytest.raises(Unknown):
        holds(condition, DOCUMENT)


def test_a_null_is_an_error_as_in_java():
    with pytest.raises(AttributeError):
        holds("ctx.nothing.trim() == ''", DOCUMENT)
