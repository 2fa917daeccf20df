"""An object that a person handed over, of every kind: state remembers it, and it is not made anew unasked."""

from __future__ import annotations

import pytest

from providers.connector import ConnectorKind
from providers.model_group import ModelGroupKind
from providers.services.kind import RecordKind
from tests.providers.test_contract import KINDS, RESOURCES

OWNER = "p/s/adopted"
TABLE = {"database": "db", "name": "t", "columns": {"id": "INT"}, "primary_key": "id"}
MODEL = {"name": "mini", "dimension": 4, "space": "hashing/4"}
OBJECTS = {
    "Alias": {"name": "docs", "index": "docs_1"},
    "Connector": {},
    "Index": {"name": "docs_2"},
    "IngestPipeline": {"name": "embed", "model_id": "m1", "field_map": {"text": "vector"}},
    "Model": {},
    "ModelGroup": {"name": "g"},
    "SearchPipeline": {"name": "mix", "model_id": "m1"},
    "SourceTable": TABLE,
    "SyncLink": {"index": "docs_1", "table": "db.rows", "key": "id", "fields": {"id": "id"}},
    "TrustedEndpoint": {"pattern": "^https://e.test/.*$"},
}
of_each = pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if not issubclass(kind, RecordKind)], ids=lambda kind: kind.__name__
)


@pytest.fixture
def polardb(start_polardb, rest):
    """A table and an index for links, and an index for aliases."""
    polardb = start_polardb(polardb_version="8.0.1.1.54")
    polardb.run("CREATE DATABASE db")
    polardb.run("CREATE TABLE db.rows(id INT PRIMARY KEY)")
    rest.put("/docs_1", {"mappings": {"properties": {"id": {"type": "integer"}}}})
    return polardb


@pytest.fixture
def declared(drive, embedding):
    """Returns the inputs of one object of a kind; what it names is made."""

    def inputs(kind):
        given = OBJECTS[RESOURCES[kind].__name__]
        if kind is ConnectorKind:
            given = embedding()
        elif not given:
            group, connector = drive(ModelGroupKind).create(owner="p/s/g", name="g"), embedding()
            given = {**MODEL, "group_id": group.id, "connector_id": drive(ConnectorKind).create(**connector).id}
        return {**given, "owner": OWNER}

    return inputs


@pytest.fixture
def made(drive, polardb, declared):
    """Creates an object of a kind: `made(kind, handed_over=True)`; returns its driver and the resource."""

    def make(kind, *, handed_over):
        driver, given = drive(kind, polardb.connections), declared(kind)
        if handed_over:
            inputs = kind.inputs_type(**given)
            driver.kind.bring_up(driver.kind.create(inputs, ""), inputs, "")
        return driver, driver.create(**given)

    return make


def vanish(driver, created):
    """Deletes the object as somebody else would."""
    state = driver.kind.state_type(**created.props)
    driver.kind.delete(created.id, driver.kind.read(created.id, state))


def test_each_kind_of_which_something_is_at_a_service_is_here():
    assert OBJECTS.keys() == {RESOURCES[kind].__name__ for kind in KINDS if not issubclass(kind, RecordKind)}


@of_each
def test_state_remembers_what_was_adopted(made, kind):
    driver, created = made(kind, handed_over=True)
    assert (created.props["adopted"], len(created.props["uid"])) == (True, 16)
    assert driver.read(created).props["adopted"] is True
    assert driver.update(created).props["adopted"] is True
    assert "adopted" not in created.inputs


@of_each
def test_an_adopted_object_that_is_gone_is_an_error_and_not_made_anew(made, kind, failed):
    driver, created = made(kind, handed_over=True)
    vanish(driver, created)
    for verb in (driver.read, driver.update):
        with pytest.raises(failed, match=r" was adopted, so no new one is made in its place: .*; bring it back, or"):
            verb(created)
    driver.delete(created)


@of_each
def test_an_adopted_object_is_made_anew_where_it_is_named(made, kind, monkeypatch):
    driver, created = made(kind, handed_over=True)
    vanish(driver, created)
    monkeypatch.setenv("POLARSEARCH_MAKE_ANEW", f"other {created.id}")
    assert driver.read(created) is None
    assert driver.create(**created.inputs).props["adopted"] is False


@of_each
def test_an_object_that_the_stack_made_is_made_again(made, kind):
    driver, created = made(kind, handed_over=False)
    assert created.props["adopted"] is False
    vanish(driver, created)
    assert driver.read(created) is None


@of_each
def test_an_object_that_a_killed_run_made_is_not_adopted(made, kind):
    driver, created = made(kind, handed_over=False)
    assert driver.create(**created.inputs).props["adopted"] is False
