"""Ingest and search pipelines: written as a whole, and read back as declared or drifted."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from providers import ingest_pipeline, search_pipeline
from providers.ingest_pipeline import IngestPipelineInputs
from providers.kit import Plan, plan_by_field
from providers.search_pipeline import SearchPipelineInputs

INGEST = IngestPipelineInputs(
    owner="p/s/i", name="embed", model_id="m", field_map={"text": "vector"}, batch_size=10, description="Embeds"
)
SEARCH = SearchPipelineInputs(owner="p/s/s", name="search", model_id="m")
ALL_WHITE = ".chars().allMatch(Character::isWhitespace)"


@pytest.mark.parametrize(
    "change",
    [{"model_id": "n"}, {"field_map": {"a": "b"}}, {"batch_size": None}, {"before": [{"trim": {"field": "a"}}]}],
)
def test_an_ingest_pipeline_changes_in_place(change):
    assert plan_by_field(INGEST, INGEST.model_copy(update=change)) == Plan(updates=frozenset(change))


@pytest.mark.parametrize(
    "change", [{"model_id": "n"}, {"weights": [1.0]}, {"normalization": "l2"}, {"combination": "harmonic_mean"}]
)
def test_a_search_pipeline_changes_in_place(change):
    assert plan_by_field(SEARCH, SEARCH.model_copy(update=change)) == Plan(updates=frozenset(change))


@pytest.mark.parametrize("inputs", [INGEST, SEARCH], ids=["ingest", "search"])
def test_another_name_replaces_the_pipeline(inputs):
    assert plan_by_field(inputs, inputs.model_copy(update={"name": "x"})).replaces == {"name"}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"batch_size": None},
        {"description": ""},
        {"skip_blank": False},
        {"field_map": {"a": "v", "b.c": "w"}},
        {"before": [{"trim": {"field": "a"}}], "after": [{"remove": {"field": "b"}}]},
    ],
)
def test_an_ingest_pipeline_reads_back_as_it_was_written(change):
    inputs = INGEST.model_copy(update=change)
    state = ingest_pipeline.shown("embed", ingest_pipeline.definition(inputs, "1"))
    assert not plan_by_field(state, inputs)
    assert state.uid == "1"


def test_a_blank_text_is_removed_before_embedding():
    [blank, embed] = ingest_pipeline.definition(INGEST, "1")["processors"]
    assert blank["remove"]["if"] == f"ctx['text'] instanceof String && ctx['text']{ALL_WHITE}"
    assert "text_embedding" in embed
    nested = ingest_pipeline.remove_blank("a.b")["remove"]["if"]
    assert nested == f"ctx['a']?.get('b') instanceof String && ctx['a']?.get('b'){ALL_WHITE}"


def test_a_search_pipeline_reads_back_as_it_was_written():
    state = search_pipeline.shown("search", search_pipeline.definition(SEARCH, "1"))
    assert not plan_by_field(state, SEARCH)
    assert state.uid == "1"


def test_a_processor_removed_by_hand_is_shown():
    state = ingest_pipeline.shown("embed", {"processors": [{"trim": {"field": "a"}}]})
    assert (state.model_id, state.field_map, state.owner) == ("", {}, "")
    assert plan_by_field(state, INGEST).updates >= {"model_id", "field_map", "owner"}
    edited = search_pipeline.shown("search", {})
    assert plan_by_field(edited, SEARCH).updates == {"model_id", "normalization", "owner"}


OTHERS = {
    "request_processors": [{"filter_query": {"query": {"term": {"a": 1}}}}],
    "phase_results_processors": [{"score-ranker-processor": {"combination": {"technique": "rrf"}}}],
    "response_processors": [{"rename_field": {"field": "a", "target_field": "b"}}],
}


@pytest.mark.parametrize("change", [OTHERS, {"normalization": "none"}, {"normalization": "none", **OTHERS}], ids=str)
def test_other_search_processors_stand_after_ours_and_are_read_back(change):
    declared = SEARCH.model_copy(update={"weights": [0.3, 0.7], "combination": "arithmetic_mean", **change})
    written = search_pipeline.definition(declared, "1")
    assert not plan_by_field(search_pipeline.shown("search", written), declared)
    phases = [name for each in written.get("phase_results_processors", []) for name in each]
    ours = [] if declared.normalization == "none" else ["normalization-processor"]
    assert phases == [*ours, *(name for each in declared.phase_results_processors for name in each)]


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: IngestPipelineInputs(name="a*", model_id="m", field_map={"a": "b"}), "name"),
        (lambda: IngestPipelineInputs(name="a", model_id="m", field_map={}), "field_map"),
        (lambda: IngestPipelineInputs(name="a", model_id="m", field_map={"a": "b"}, batch_size=0), "batch_size"),
        (lambda: IngestPipelineInputs(name="a", model_id="m", field_map={"a": "b"}, before=[{}]), "one processor"),
        (lambda: SearchPipelineInputs(name="a", model_id="m", weights=[0.5, 0.6]), "add up to 1"),
        (lambda: SearchPipelineInputs(name="a", model_id="m", weights=[]), "add up to 1"),
        (
            lambda: SearchPipelineInputs(name="a", model_id="m", normalization="none", weights=[1.0]),
            "normalization none weighs nothing",
        ),
        (
            lambda: SearchPipelineInputs(name="a", model_id="m", request_processors=[{"neural_query_enricher": {}}]),
            "every entry is one processor",
        ),
        (lambda: SearchPipelineInputs(name="a", model_id="m", weights=[1.5, -0.5]), "must be positive"),
        (lambda: SearchPipelineInputs(name="a", model_id="m", normalization="x"), "normalization"),
        (
            lambda: SearchPipelineInputs(name="a", model_id="m", normalization="z_score", combination="harmonic_mean"),
            "harmonic_mean does not go with normalization z_score; write arithmetic_mean",
        ),
    ],
    ids=[
        "name",
        "no field map",
        "batch size",
        "processor",
        "too much",
        "no weights",
        "for nothing",
        "ours",
        "negative",
        "technique",
        "mix",
    ],
)
def test_invalid_inputs_are_refused(make, what):
    with pytest.raises(ValidationError, match=what):
        make()
