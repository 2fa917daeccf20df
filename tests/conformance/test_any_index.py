"""Indexes nobody here has seen: the service's yes is our yes, and none shows a change when it is read again."""

from __future__ import annotations

import os
from random import Random

import pytest

from providers.index import IndexInputs, IndexKind
from providers.services.index_settings import OWN_SETTINGS
from sandbox.polarsearch.errors import MARK
from tests.conformance.life import OWNER, Life
from tests.real.flows import SETTINGS, mappings, some

BODIES = int(os.environ.get("BODIES", "100"))
"""As many bodies are drawn; `BODIES=700` for a thorough look."""

PARTS = 4
"""Each of so many that the stand-in takes some of them."""

SEED = int(os.environ.get("SEED", "20261126"))


def drawn(random):
    """Returns fields without vectors, parameters of the mapping, and settings."""
    [_, _, body], *_ = mappings(random)
    written = body["mappings"]
    fields = {name: without_vectors(field) for name, field in written["properties"].items() if not is_vector(field)}
    parameters = {name: value for name, value in written.items() if name not in ("properties", "_meta")}
    chosen = some(random, SETTINGS, 2) if random.random() < 0.5 else {}
    own = {*OWN_SETTINGS, *(f"index.{name}" for name in OWN_SETTINGS)}
    return fields, parameters, {name: value for name, value in chosen.items() if name not in own}


def is_vector(field):
    return field["type"] == "knn_vector"


def without_vectors(field):
    inside = field.get("properties")
    if not isinstance(inside, dict):
        return field
    return {**field, "properties": {name: without_vectors(one) for name, one in inside.items() if not is_vector(one)}}


def made(server, fields, parameters, settings):
    """Returns the service's answer to the index as it is written."""
    body = {"settings": {**settings, "number_of_replicas": 0}, "mappings": {**parameters, "properties": fields}}
    answer = server.ask("PUT", "/raw", body)
    server.ask("DELETE", "/raw")
    return answer


def ours(fields, parameters, settings):
    """Returns what a person would declare, or why we refuse it."""
    declared = {"name": "docs", "properties": fields, "mapping": parameters, "settings": settings, "replicas": 0}
    try:
        IndexInputs(owner=OWNER, **declared)
    except ValueError as error:
        return declared, str(error)
    return declared, ""


@pytest.mark.parametrize("part", range(PARTS))
def test_the_services_yes_is_our_yes_and_nothing_has_changed_when_it_is_read_again(server, part):
    taken = 0
    for at in range(part, BODIES, PARTS):
        body = drawn(Random(SEED * 10_000 + at))
        answer = made(server, *body)
        declared, refused = ours(*body)
        if answer.status != 200 or answer.reason.endswith(MARK):
            continue
        assert not refused, (at, body, refused)
        life = Life(server, IndexKind, **declared)
        assert not life.changed(), (at, body)
        life.drop()
        taken += 1
    assert taken
