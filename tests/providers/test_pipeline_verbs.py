"""Ingest and search pipelines on the service."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from providers.ingest_pipeline import IngestPipelineKind
from providers.kit import Rejected, describe
from providers.search_pipeline import SearchPipelineKind


@dataclass
class Sort:
    """One of the two kinds: its inputs, its path, and an edit by hand."""

    kind: type
    declared: dict
    path: str
    change: dict
    edited: dict
    drifted: str


INGEST = Sort(
    IngestPipelineKind,
    {"owner": "p/s/embed", "name": "embed", "model_id": "m1", "field_map": {"text": "vector"}, "batch_size": 10},
    "/_ingest/pipeline/embed",
    {"model_id": "m2", "batch_size": None, "after": [{"remove": {"field": "x", "ignore_missing": True}}]},
    {"description": "edited", "processors": []},
    "field_map",
)
SEARCH = Sort(
    SearchPipelineKind,
    {"owner": "p/s/mix", "name": "mix", "model_id": "m1"},
    "/_search/pipeline/mix",
    {"model_id": "m2", "weights": [0.5, 0.5], "normalization": "l2"},
    {"description": "edited", "request_processors": []},
    "model_id",
)


@pytest.fixture(params=[INGEST, SEARCH], ids=["ingest", "search"])
def sort(request):
    return request.param


@pytest.fixture
def pipelines(drive, sort):
    return drive(sort.kind)


@pytest.fixture
def ingest(drive):
    return drive(IngestPipelineKind)


def test_create_read_update_delete(pipelines, sort, rest, reference):
    created = pipelines.create(**sort.declared)
    assert created.id == sort.declared["name"]
    assert rest.get(sort.path)[created.id]["description"] == describe("", reference(created))
    assert pipelines.read(created).props == created.props
    changed = pipelines.update(created, **sort.change, description="changed")
    assert {name: changed.props.get(name) for name in sort.change} == sort.change
    assert reference(changed) == reference(created)
    pipelines.delete(changed)
    assert pipelines.read(changed) is None
    pipelines.delete(changed)


def test_a_pipeline_of_another_owner_is_refused_and_can_be_adopted(pipelines, sort, rest, failed, reference):
    rest.put(sort.path, sort.edited)
    with pytest.raises(failed, match=r"exists and is not ours; .* `python -m ops adopt`"):
        pipelines.create(**sort.declared)
    rest.put(sort.path, {**sort.edited, "description": f"edited [pulumi:{sort.declared['owner']}]"})
    adopted = pipelines.create(**sort.declared)
    assert rest.get(sort.path)[adopted.id]["description"] == describe("", reference(adopted))


def test_delete_leaves_an_object_that_another_create_took_over(pipelines, sort):
    former, latter = pipelines.create(**sort.declared), pipelines.create(**sort.declared)
    pipelines.delete(former)
    assert pipelines.read(latter).props == latter.props
    pipelines.delete(latter)
    assert pipelines.read(latter) is None


def test_a_lost_answer_changes_nothing(pipelines, sort, search):
    search.faults.add("PUT", sort.path, "lost")
    created = pipelines.create(**sort.declared)
    assert pipelines.read(created).props == created.props


def test_drift_is_shown_and_repaired(pipelines, sort, rest):
    created = pipelines.create(**sort.declared)
    rest.put(sort.path, sort.edited)
    shown = pipelines.read(created)
    assert (shown.inputs["description"], shown.inputs["owner"]) == ("edited", "")
    assert not shown.inputs[sort.drifted]
    assert pipelines.update(shown, **created.inputs).props == created.props


def test_a_pipeline_recreated_by_hand_is_not_deleted(pipelines, sort, rest):
    created = pipelines.create(**sort.declared)
    rest.put(sort.path, sort.edited)
    pipelines.delete(created)
    assert rest.get(sort.path)


def test_a_pipeline_in_use_is_not_deleted_and_its_indexes_are_named(pipelines, sort, rest, failed):
    created, setting = pipelines.create(**sort.declared), f"index.{sort.kind.setting}"
    for index in ("docs_1", "docs_2"):
        rest.put(f"/{index}", {"settings": {setting: created.id}})
    named = rf"is the {sort.kind.setting} of docs_1, docs_2: .* give them another pipeline first"
    with pytest.raises(failed, match=named):
        pipelines.delete(created)
    rest.put("/docs_*/_settings", {setting: "_none"})
    pipelines.delete(created)
    assert pipelines.read(created) is None


@pytest.mark.parametrize(
    ("owner", "declares", "is_deleted"),
    [("p/s/index", False, True), ("p/s/index", True, False), ("q/s/index", False, False), ("", False, False)],
    ids=["an orphan", "a program may know it", "another stack's", "nobody's"],
)
def test_a_destroy_deletes_an_index_of_ours_that_still_uses_a_pipeline(
    pipelines, connections, sort, rest, failed, owner, declares, is_deleted
):
    created = pipelines.create(**sort.declared)
    mapping = {"_meta": {"pulumi": {"index": f"{owner}#00ff"}}}
    rest.put("/docs_1", {"settings": {f"index.{sort.kind.setting}": created.id}, "mappings": mapping})
    connections.declares = declares
    if is_deleted:
        pipelines.delete(created)
        assert rest.get("/_alias") == {}
        return
    with pytest.raises(failed, match="of docs_1: "):
        pipelines.delete(created)
    assert "docs_1" in rest.get("/_alias")


@pytest.mark.parametrize(("version", "works"), [("2.15.0", False), ("2.16.0", True)])
def test_batch_size_needs_2_16(ingest, failed, version, works):
    if works:
        assert ingest.create(**INGEST.declared).props["batch_size"] == 10
        return
    with pytest.raises(failed, match=r"batch_size needs OpenSearch 2\.16 or later; leave it out"):
        ingest.create(**INGEST.declared)
    assert "batch_size" not in ingest.create(**{**INGEST.declared, "batch_size": None}).props


@pytest.mark.parametrize(("version", "works"), [("2.19.1", False), ("3.0.0", True)])
def test_z_score_needs_3_0(drive, failed, version, works):
    mixing, declared = drive(SearchPipelineKind), {**SEARCH.declared, "normalization": "z_score"}
    if works:
        assert mixing.create(**declared).props["normalization"] == "z_score"
        return
    line = r"search pipeline mix: normalization z_score needs OpenSearch 3\.0 or later; use min_max or l2"
    with pytest.raises(failed, match=line):
        mixing.create(**declared)
    created = mixing.create(**SEARCH.declared)
    with pytest.raises(failed, match=line):
        mixing.update(created, normalization="z_score")
    assert mixing.read(created).props == created.props


def test_an_unknown_processor_is_refused_with_advice(ingest, failed):
    with pytest.raises(failed, match="check the processor's name, and that its plugin is installed"):
        ingest.create(**{**INGEST.declared, "before": [{"nonsense": {}}]})


def test_a_blank_text_is_kept_without_a_vector(ingest, rest):
    """Without `skip_blank`, embedding a blank text fails the write, and the row never arrives."""
    ingest.create(**INGEST.declared)
    rest.put("/docs", {"settings": {"index.default_pipeline": "embed"}})
    rest.put("/docs/_doc/1", {"text": "  ", "id": 1})
    assert rest.get("/docs/_doc/1")["_source"] == {"id": 1}
    ingest.create(**{**INGEST.declared, "skip_blank": False})
    with pytest.raises(Rejected):
        rest.put("/docs/_doc/2", {"text": "  ", "id": 2})
