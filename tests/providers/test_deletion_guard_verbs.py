"""DeletionGuard on both services: refuses with every reason at once, and makes no request before it is asked."""

from __future__ import annotations

import pytest

from providers.deletion_guard import DeletionGuardKind
from providers.model_group import ModelGroupKind

COLLECTION = {"alias": "docs", "index": "docs_1", "resource": "index", "deletion_protection": True}
GUARD = {"owner": "p/s/guard", "resources": ["index", "alias", "rows"], "collections": {"docs": COLLECTION}}
OURS = {"index": "p/s/index#00ff", "protected": "true"}


@pytest.fixture
def polardb(start_polardb):
    polardb = start_polardb(polardb_version="8.0.1.1.54")
    polardb.run("CREATE DATABASE db")
    return polardb


@pytest.fixture
def guards(drive, polardb):
    return drive(DeletionGuardKind, polardb.connections)


@pytest.fixture
def index(rest):
    """Makes an index with one document."""

    def made(name="docs_1", meta=OURS, pipeline="_none", aliases=("docs",)):
        settings = {"index": {"search.default_pipeline": pipeline}}
        mapping = {"_meta": {"pulumi": meta} if meta else {"theirs": "1"}}
        rest.put(f"/{name}", {"mappings": mapping, "settings": settings, "aliases": {key: {} for key in aliases}})
        rest.put(f"/{name}/_doc/1", {"id": 1})

    return made


@pytest.mark.parametrize(("last_run", "resumes"), [("ended", False), ("did not end", True), ("resumed", True)])
def test_a_run_that_resumes_another_is_known_in_state(guards, last_run, resumes):
    guard = guards.create(**GUARD, last_run=last_run)
    assert (guard.props["resumed_at"] > 0) is resumes


def test_a_run_that_takes_over_what_state_forgot_is_known_in_state(drive, guards, polardb):
    groups = drive(ModelGroupKind, polardb.connections)
    groups.create(owner="p/s/group", name="docs")
    assert guards.create(**GUARD).props["resumed_at"] == 0
    groups.create(owner="p/s/group", name="docs")
    assert guards.create(**GUARD).props["resumed_at"] > 0


PROTECTED = r"index docs_1 of collection docs has 1 document, and deletion protection is on; to delete them, set del"
LOST = r"index docs_1 has lost its owner reference, since somebody overwrote its _meta; "
BY_INDEX = r"docs_1 of collection docs has 1 document, and the index says that they are protected, though deletion_prot"


@pytest.mark.parametrize(
    ("declared", "meta", "refusals"),
    [
        (True, OURS, [PROTECTED]),
        (True, {"index": "p/s/index#00ff"}, [PROTECTED]),
        (True, None, [f"{LOST}set deletion_protection: false and then run `pulumi up --refresh`", PROTECTED]),
        (False, OURS, [BY_INDEX]),
        (False, None, [f"{LOST}run `pulumi up --refresh`"]),
        (False, {"index": "p/s/index#00ff"}, []),
        (True, {"index": "q/s/index#00ff", "protected": "true"}, []),
    ],
    ids=["both", "declared", "meta lost", "by the index", "meta lost, not declared", "neither", "another stack's"],
)
def test_what_is_declared_or_what_the_index_says_protects(guards, index, failed, declared, meta, refusals):
    guard = guards.create(**{**GUARD, "collections": {"docs": {**COLLECTION, "deletion_protection": declared}}})
    index(meta=meta)
    if not refusals:
        guards.delete(guard)
        return
    with pytest.raises(failed, match="^nothing was deleted: .*" + ".*".join(refusals)):
        guards.delete(guard)


def test_an_index_without_documents_is_not_protected(guards, rest):
    guard = guards.create(**GUARD)
    rest.put("/docs_1", {"mappings": {"_meta": {"pulumi": OURS}}, "aliases": {"docs": {}}})
    guards.delete(guard)


def test_an_index_of_another_generation_is_protected_too(guards, index, failed):
    guard = guards.create(**GUARD)
    index("docs_0", aliases=())
    with pytest.raises(failed, match="index docs_0 of collection docs has 1 document"):
        guards.delete(guard)


def test_a_table_that_we_made_is_protected_and_another_one_is_never_dropped(guards, polardb, failed):
    guard = guards.create(
        **{**GUARD, "tables": {"db.ours": True, "db.theirs": True, "db.shared": True, "db.open": False}}
    )
    comments = {"ours": "[pulumi:p/s/rows#1]", "theirs": "", "shared": "[pulumi:p/s/rows#1] [pulumi:q/x/y#2]"}
    for name, comment in {**comments, "open": "[pulumi:p/s/rows#1]"}.items():
        polardb.run(f"CREATE TABLE db.{name} (id INT PRIMARY KEY) COMMENT = '{comment}'")
        polardb.run(f"INSERT INTO db.{name} VALUES (1)")
    with pytest.raises(failed, match=r"^nothing was deleted: table db\.ours has 1 row, and deletion protection is on"):
        guards.delete(guard)


def test_an_index_that_is_not_ours_and_uses_our_pipeline_is_named(guards, index, rest, failed):
    rest.put("/_search/pipeline/ours", {"response_processors": []})
    guard = guards.create(**{**GUARD, "collections": {"docs": {**COLLECTION, "deletion_protection": False}}})
    index(meta={"index": "p/s/index#00ff"}, pipeline="ours")
    index("theirs", meta=None, pipeline="ours", aliases=())
    with pytest.raises(failed, match="index theirs is not of this stack and uses search pipeline ours; give it others"):
        guards.delete(guard)
    rest.put("/theirs/_settings", {"index": {"search.default_pipeline": "_none"}})
    guards.delete(guard)


def test_what_is_taken_out_is_judged_and_what_stays_is_not(guards, index, failed):
    other = {"alias": "notes", "index": "notes_1", "resource": "notes", "deletion_protection": True}
    guard = guards.create(**{**GUARD, "collections": {"docs": COLLECTION, "notes": other}})
    index()
    index("notes_1", meta={"index": "p/s/notes#00ff"}, aliases=("notes",))
    with pytest.raises(
        failed, match=r"index docs_1 of .*; put what was taken out of the configuration back first$"
    ) as said:
        guards.update(guard, collections={"notes": other})
    assert "notes_1" not in str(said.value)
    guards.update(guard, collections={"docs": {**COLLECTION, "index": "docs_2"}, "notes": other})


def test_until_it_is_deleted_it_makes_no_request(guards, search):
    guards.create(**GUARD)
    search.application.requests.reset()
    guard = guards.create(**GUARD)
    guards.update(guard, configuration="another")
    assert guards.read(guard).props == guard.props
    assert sum(search.application.requests.counts().values()) == 0
