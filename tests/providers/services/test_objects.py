"""What is kept of many objects that use one another, and what is unused."""

from __future__ import annotations

import pytest

from providers.kit import OwnerReference
from providers.services.objects import Found, Objects, owners_of, unused


def found(noun, id, *uses):
    return Found(noun, id, id, OwnerReference(), frozenset(uses))


ALIAS = found("alias", "i/docs", ("index", "i"))
INDEX = found("index", "i", ("ingest pipeline", "in"), ("sync link", "i"))
LINK = found("sync link", "i", ("index", "i"), ("table", "db.t"))
PIPELINE = found("ingest pipeline", "in", ("model", "m"))
MODEL = found("model", "m", ("connector", "c"), ("model group", "g"))
CONNECTOR, GROUP, TABLE = found("connector", "c"), found("model group", "g"), found("table", "db.t")
EVERY = [ALIAS, INDEX, LINK, PIPELINE, MODEL, CONNECTOR, GROUP, TABLE]


@pytest.mark.parametrize(
    ("kept", "left"),
    [
        ([], EVERY),
        ([ALIAS], []),
        ([INDEX], [ALIAS]),
        ([LINK], [ALIAS]),
        ([PIPELINE], [ALIAS, INDEX, LINK, TABLE]),
        ([MODEL], [ALIAS, INDEX, LINK, PIPELINE, TABLE]),
        ([GROUP], [ALIAS, INDEX, LINK, PIPELINE, MODEL, CONNECTOR, TABLE]),
    ],
    ids=["nothing", "alias", "index", "link", "pipeline", "model", "group"],
)
def test_what_is_kept_keeps_all_that_it_uses(kept, left):
    assert unused(EVERY, kept.__contains__) == left


def test_the_owners_are_of_the_stack_of_the_resource_that_names_them():
    assert owners_of("p/s/search-guard", ["a", "b-index"]) == {"p/s/a", "p/s/b-index"}


def test_what_carries_a_reference_of_the_stack_and_is_not_known_is_an_orphan(rest, polardb):
    ours, theirs = "p/s/left#00ff", "p/other/left#00ff"
    polardb.run("CREATE DATABASE db")
    polardb.run(f"CREATE TABLE db.t (id INT PRIMARY KEY) COMMENT = 'text [pulumi:{theirs}] [pulumi:{ours}]'")
    for name, reference in (("ours", ours), ("theirs", theirs), ("trial", "p/s/left/proof#trial"), ("nobodys", "")):
        described = {"description": f"x [pulumi:{reference}]" if reference else "x"}
        rest.put(f"/_ingest/pipeline/{name}", {**described, "processors": []})
        rest.put(f"/{name}", {"mappings": {"_meta": {"pulumi": {"index": reference}}}})
    objects = Objects(polardb.connections, stack="p/s")
    assert sorted(map(str, objects.orphans(frozenset()))) == ["index ours", "ingest pipeline ours", "table db.t"]
    assert objects.orphans({OwnerReference.parse(ours)}) == []
