"""What the table of mapping parameters and settings says is what a real OpenSearch says, asked again."""

from __future__ import annotations

import json
import os

import pytest

from providers.services.mappings import SET_BY_INDEX, normal_field
from tests.conformance.server import is_real
from tests.real.learn import RECORDING, Node, learn, placed
from tests.real.parameters import ALONE, BASES

RECORDED = json.loads(RECORDING.read_text(encoding="utf-8"))
KINDS = [kind for kind, base in BASES.items() if base["type"] not in (*ALONE, "knn_vector")]


@pytest.fixture
def client(request):
    """A real node's; there is nothing to learn from a stand-in."""
    if not is_real(request.config):
        pytest.skip("asks a real OpenSearch: make test-real")
    return request.getfixturevalue("real_plain").client


def test_a_real_node_says_what_was_recorded(client):
    if os.environ.get("LEARN") != "all":
        pytest.skip("asks a real node 5,000 questions, for minutes: LEARN=all")
    learned = json.loads(json.dumps(learn(client)))
    assert learned["settings"] == RECORDED["settings"]
    assert learned["plain"] == RECORDED["plain"]
    for kind, parameters in RECORDED["types"].items():
        assert learned["types"][kind] == parameters, kind


@pytest.mark.parametrize("kind", KINDS)
def test_the_normal_form_of_a_field_makes_the_same_field(client, kind):
    written = {
        f"{at}-{name}": placed(BASES[kind], name, answer["value"])
        for name, about in RECORDED["types"][kind].items()
        for at, answer in enumerate(about["values"])
        if "refused" not in answer and (name, answer["value"]) != ("print_format", None)  # shown, and means nothing
    }
    normal = {key: normal_field(field) for key, field in written.items()}
    assert (
        any(written[key] != field for key, field in normal.items()) or not SET_BY_INDEX & RECORDED["types"][kind].keys()
    )
    node = Node(client)
    assert node.made(normal) == node.made(written)
