"""Parameters of a whole mapping: our yes is the server's, our form is the one it shows, and what may change does."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from providers.services.whole_mapping import FIXED, normal_mapping
from sandbox.polarsearch.errors import MARK

KEYWORDS = {"match": "x*", "mapping": {"type": "keyword"}}
RAW = {"match_mapping_type": "string", "mapping": {"type": "text", "fields": {"raw": {"type": "keyword"}}}}
VALUES: dict[str, list[Any]] = {
    "dynamic": [True, "true", False, "false", "strict", "STRICT", "strict_allow_templates", "runtime", 1],
    "date_detection": [True, "true", False, "false", "no"],
    "numeric_detection": [True, False, "true", "false", 1],
    "dynamic_date_formats": [["yyyy"], "yyyy", [], ["strict_date_optional_time", "yyyy/MM/dd"]],
    "dynamic_templates": [[], [{"a": KEYWORDS}], [{"a": KEYWORDS}, {"b": RAW}], {"a": {}}, [{"a": {}}], "a"],
    "_source": [
        {"enabled": True},
        {"enabled": False},
        {"enabled": "false"},
        {"excludes": ["v"]},
        {"includes": ["a*"], "excludes": []},
        {"recovery_source_enabled": False},
        {"recovery_source_excludes": ["v"]},
        {},
        {"nope": 1},
    ],
    "_routing": [{"required": True}, {"required": False}, {"required": "true"}, {}, {"nope": 1}],
}


def normal(name, value):
    """Returns the normal form, or None where it is refused."""
    try:
        return normal_mapping({name: value})
    except ValueError:
        return None


def ours(answer):
    """Tells a refusal of the sandbox alone."""
    return answer.status != 200 and answer.reason.endswith(MARK)


def shown(server):
    mappings = server.ok("GET", "/t")["t"]["mappings"]
    return {name: value for name, value in mappings.items() if name != "properties"}


def made(server, name, value):
    server.ask("DELETE", "/t")
    return server.ask("PUT", "/t", {"mappings": {name: value, "properties": {"a": {"type": "text"}}}})


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, each in VALUES.items() for value in each], ids=str)
def test_our_yes_is_the_servers_and_our_form_is_how_it_shows_it(server, name, value):
    answer = made(server, name, value)
    if ours(answer):
        pytest.skip(answer.reason)
    assert (answer.status == 200) == (normal(name, value) is not None), answer.reason
    if answer.status == 200:
        assert shown(server) == normal(name, value)


@pytest.mark.parametrize("name", VALUES)
def test_what_may_change_in_place_does(server, name):
    valid = [value for value in VALUES[name] if normal(name, value) is not None]
    for before, after in itertools.permutations(valid, 2):
        if ours(made(server, name, before)) or ours(answer := server.ask("PUT", "/t/_mapping", {name: after})):
            continue
        same = normal(name, before) == normal(name, after)
        assert (answer.status == 200) == (same or name not in FIXED), (before, after, answer.reason)
        if answer.status == 200:
            assert shown(server) == normal(name, after)
