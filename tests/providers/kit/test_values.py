"""Pulumi's property values as a kind's models."""

import json
import re
from base64 import b64encode
from urllib.parse import quote, urlencode

import pytest
from pulumi.output import Unknown
from pydantic import Field

from providers.kit import Immutable, Inputs, Kind, Nested, Plan, Secret, State, plan_by_field
from providers.kit.values import format_error, hide, normalize, parse_state, plan_change, secrets, validation_errors


class Method(Nested):
    name: str = "hnsw"
    m: int


class ThingInputs(Inputs):
    name: Immutable[str]
    size: int = Field(default=1, ge=1)
    methods: list[Method] = []
    credential: Secret[dict[str, str] | None] = None


class ThingState(ThingInputs, State):
    pass


class ThingKind(Kind):
    inputs_type, state_type = ThingInputs, ThingState


OLD = {"owner": "", "name": "a", "size": 1.0, "methods": []}


def test_validation_reports_every_mistake_with_its_path():
    news = {"size": 0.0, "methods": [{"m": 1}, {"m": "x", "n": 1}]}
    assert sorted(line.split(": ")[0] for line in validation_errors(ThingInputs, news)) == [
        "methods[1].m",
        "methods[1].n",
        "name",
        "size",
    ]


def test_validation_accepts_unknown_values():
    assert validation_errors(ThingInputs, {"name": Unknown(), "methods": [{"m": Unknown()}]}) == []


def test_normalize_fills_in_defaults_and_integers():
    normal = normalize(ThingInputs, {"name": "a", "methods": [{"m": 16.0}], "__provider": "pickle"})
    assert normal == {"owner": "", "name": "a", "size": 1, "methods": [{"name": "hnsw", "m": 16}]}


def test_normalize_keeps_unknown_values():
    unknown = Unknown()
    assert normalize(ThingInputs, {"name": unknown, "methods": [{"m": 16.0}]}) == {
        "owner": "",
        "name": unknown,
        "size": 1,
        "methods": [{"name": "hnsw", "m": 16}],
    }


@pytest.mark.parametrize(
    ("news", "plan"),
    [
        ({}, Plan()),
        ({"size": 2.0}, Plan(updates=frozenset({"size"}))),
        ({"name": "b"}, Plan(replaces=frozenset({"name"}))),
        ({"size": Unknown()}, Plan(updates=frozenset({"size"}))),
        ({"name": Unknown()}, Plan(replaces=frozenset({"name"}))),
        ({"credential": {"key": "k"}}, Plan(updates=frozenset({"credential"}))),
    ],
    ids=["same", "mutable", "immutable", "unknown", "unknown and immutable", "set"],
)
def test_plan_change_compares_each_property(news, plan):
    assert plan_change(ThingKind, OLD, {**OLD, **news}) == plan


def test_plan_change_accepts_a_state_with_invalid_values():
    assert plan_change(ThingKind, {**OLD, "size": 0.0}, OLD) == Plan(updates=frozenset({"size"}))
    assert parse_state(ThingState, {"name": "a", "size": 0.0, "methods": "odd"}).methods == "odd"


def test_an_empty_plan_is_false():
    assert plan_by_field(ThingInputs(name="a"), ThingInputs(name="a", size=2))
    assert not plan_by_field(ThingInputs(name="a"), ThingInputs(name="a"))


def test_hide_replaces_the_longest_secret_first():
    hidden = secrets(ThingInputs, {"credential": {"key": "sk-long-secret", "id": "sk-long"}})
    assert hide("key sk-long-secret of sk-long", hidden) == "key [secret] of [secret]"
    assert secrets(ThingInputs, {"credential": {"keys": ["sk-one", "sk-two"]}}) == ["sk-one", "sk-two"]
    assert hide("a b c", ["a", ""]) == "a b c"  # a single letter is not hidden


@pytest.mark.parametrize("secret", ["pa ss/w+rd&é", 'a"b\\c\n', "密钥-0123", "sk-0123456789"])
def test_hide_replaces_every_encoding_of_a_secret(secret):
    account = f"admin:{secret}"
    forms = [
        secret,
        json.dumps(secret),
        json.dumps(secret, ensure_ascii=False),
        urlencode({"key": secret}),
        f"https://host/{quote(secret)}",
        "Basic " + b64encode(account.encode()).decode(),
        "Basic " + b64encode(account.encode("latin-1", "replace")).decode(),
        secret.encode().decode("latin-1"),
    ]
    for form in forms:
        shown = hide(f"said {form} back", [secret, account])
        assert "[secret]" in shown
        assert set(re.split(r"\W+", shown.replace("[secret]", ""))) <= {
            "said",
            "back",
            "key",
            "https",
            "host",
            "Basic",
            "",
        }


@pytest.mark.parametrize(
    ("place", "line"),
    [(("a", 0, "b"), "a[0].b: wrong"), (("a", "0x"), "a.0x: wrong"), ((), "wrong")],
)
def test_format_error_writes_the_path_and_the_message(place, line):
    assert format_error(place, "Value error, wrong") == line
