"""What the preflight asks of a kind, for every kind that is found: with the inputs of its own example."""

from __future__ import annotations

import inspect

import pytest

from providers.kit import NotOwned
from providers.services import Inventory
from tests.providers.test_contract import KINDS, RESOURCES
from tests.providers.test_examples import EXAMPLES, MADE_FROM, example_of, upstream

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


@pytest.fixture
def inputs_of(declare):
    """Returns the inputs that a kind's example declares."""

    def find(kind):
        name = RESOURCES[kind].__name__
        declared = declare(lambda: exec(example_of(EXAMPLES[name]), upstream(MADE_FROM.get(name, []))))
        [*_, resource] = [each for each in declared if each.type.endswith(f":{name}")]
        return kind.inputs_type.model_validate({key: resource[key] for key in resource.inputs})

    return find


@every_kind
def test_nothing_is_in_the_way_on_an_empty_cluster(kind, inputs_of, polardb):
    inputs = inputs_of(kind)
    table = getattr(inputs, "table", None) or getattr(inputs, "id", None) or "db.t"
    inventory = Inventory(polardb.connections, [table])
    asked = kind(polardb.connections)
    assert not asked.is_ours(inputs, inventory)
    asked.require_possible(inputs, inventory)


@every_kind
def test_a_name_that_somebody_else_has_is_refused_by_the_preflight_as_by_create(kind, inputs_of, polardb):
    """A kind whose names are shared or not unique finds nothing in the way, and says so in `is_ours`."""
    inputs = inputs_of(kind)
    if not theirs(kind, inputs, polardb.connections.search):
        assert "is_ours" in vars(kind)
        assert inspect.getdoc(kind.is_ours)
        return
    asked = kind(polardb.connections)
    for ask in (lambda: asked.find(inputs), lambda: asked.is_ours(inputs, Inventory(polardb.connections))):
        with pytest.raises(NotOwned, match="choose another name"):
            ask()


def theirs(kind, inputs, search):
    """Makes somebody else's object of that name; False for a kind without names that one object alone may have."""
    name = getattr(inputs, "name", "")
    makers = {
        "Alias": lambda: (search.put("/theirs", {}), search.post("/_aliases", _alias("theirs", name))),
        "Index": lambda: search.put(f"/{name}", {}),
        "IngestPipeline": lambda: search.put(f"/_ingest/pipeline/{name}", {"processors": []}),
        "SearchPipeline": lambda: search.put(f"/_search/pipeline/{name}", {"response_processors": []}),
        "ModelGroup": lambda: search.post("/_plugins/_ml/model_groups/_register", {"name": name}),
    }
    if maker := makers.get(RESOURCES[kind].__name__):
        maker()
    return maker is not None


def _alias(index, name):
    return {"actions": [{"add": {"index": index, "alias": name}}]}
