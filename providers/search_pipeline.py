"""Search pipeline: what lets applications search by text alone, and mixes words with meaning.

It fills in the model of neural queries, so that no application needs to know a model id, and brings the scores of a
hybrid query's parts to one scale before it weighs them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pulumi
from pulumi import Input, Output
from pydantic import Field, ValidationInfo, field_validator

from providers.kit import (
    Immutable,
    Mark,
    NamedInputs,
    NamedKind,
    Resource,
    State,
    describe,
    read_description,
    require_version,
)

ENRICHER, NORMALIZER = "neural_query_enricher", "normalization-processor"
PIPELINE_NAME = r"^[^\s*,/\\?#\"<>|]+$"
"""A `*` or `,` in a pipeline's id makes GET and DELETE act on several."""


def fitting(combination: str, normalization: str | None) -> str:
    """The combination, if it fits the normalization (neural-search, ScoreNormalizationFactory). Raises ValueError."""
    if normalization == "z_score" and combination != "arithmetic_mean":
        raise ValueError(f"{combination} does not go with normalization z_score; write arithmetic_mean")
    return combination


class SearchPipelineInputs(NamedInputs):
    """What a person declares. `weights` go to the parts of a hybrid query in their order, and add up to 1.

    `normalization` z_score needs OpenSearch 3.0 (neural-search, ZScoreNormalizationTechnique) and the arithmetic mean.
    """

    name: Immutable[str] = Field(pattern=PIPELINE_NAME)
    model_id: str
    weights: list[float] = [0.3, 0.7]
    normalization: Literal["min_max", "l2", "z_score"] = "min_max"
    combination: Literal["arithmetic_mean", "geometric_mean", "harmonic_mean"] = "arithmetic_mean"
    description: str = ""

    @field_validator("weights")
    @classmethod
    def _adds_up(cls, weights: list[float]) -> list[float]:
        if not weights or min(weights) < 0 or abs(sum(weights) - 1) > 1e-6:
            raise ValueError(f"{weights} must be positive and add up to 1; write for example [0.3, 0.7]")
        return weights

    @field_validator("combination")
    @classmethod
    def _fits(cls, combination: str, info: ValidationInfo) -> str:
        return fitting(combination, info.data.get("normalization"))


class SearchPipelineState(SearchPipelineInputs, State):
    """What PolarSearch shows."""


def definition(inputs: SearchPipelineInputs, incarnation: str) -> dict[str, Any]:
    """The whole pipeline, as it is sent."""
    combination = {"technique": inputs.combination, "parameters": {"weights": inputs.weights}}
    normalizer = {"normalization": {"technique": inputs.normalization}, "combination": combination}
    return {
        "description": describe(inputs.description, Mark(inputs.owner, incarnation)),
        "request_processors": [{ENRICHER: {"default_model_id": inputs.model_id}}],
        "phase_results_processors": [{NORMALIZER: normalizer}],
    }


def shown(name: str, pipeline: Mapping[str, Any]) -> SearchPipelineState:
    """The pipeline PolarSearch shows; what somebody took out of it is empty here."""
    description, mark = read_description(pipeline.get("description", ""))
    enricher = _processor(pipeline.get("request_processors", []), ENRICHER)
    normalizer = _processor(pipeline.get("phase_results_processors", []), NORMALIZER)
    combination = normalizer.get("combination", {})
    return SearchPipelineState.model_construct(
        name=name,
        model_id=enricher.get("default_model_id", ""),
        weights=combination.get("parameters", {}).get("weights", []),
        normalization=normalizer.get("normalization", {}).get("technique", ""),
        combination=combination.get("technique", ""),
        description=description,
        owner=mark.owner,
        incarnation=mark.incarnation,
    )


def _processor(processors: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    return next((processor[name] for processor in processors if name in processor), {})


class SearchPipelineKind(NamedKind[SearchPipelineInputs, SearchPipelineState]):
    """Writes, shows and drops search pipelines. The id is the pipeline's name."""

    inputs_type = SearchPipelineInputs
    state_type = SearchPipelineState
    called = "search pipeline"

    def read(self, id: str, declared: SearchPipelineInputs) -> SearchPipelineState:
        return shown(id, self.search.get(f"/_search/pipeline/{id}")[id])

    def handover(self, inputs: SearchPipelineInputs, state: SearchPipelineState) -> str:
        return f"end its description with [pulumi:{inputs.owner}]"

    def delete(self, id: str, state: SearchPipelineState) -> None:
        self.search.delete(f"/_search/pipeline/{id}")

    def require_possible(self, inputs: SearchPipelineInputs) -> None:
        if inputs.normalization == "z_score":
            what = f"search pipeline {inputs.name}: normalization z_score"
            require_version(self.search.version, (3, 0, 0), what, "use min_max or l2")

    def write(self, inputs: SearchPipelineInputs, incarnation: str) -> None:
        self.require_possible(inputs)
        self.search.put(f"/_search/pipeline/{inputs.name}", definition(inputs, incarnation))


class SearchPipeline(Resource, module="polarsearch", name="SearchPipeline"):
    """A pipeline for neural and hybrid queries. Its id is its name; an index names it as `search_pipeline`.

    Example:
        search_pipeline = SearchPipeline(
            "hybrid", name="text_search", model_id=model.id, weights=[0.3, 0.7], opts=opts
        )
    """

    kind = SearchPipelineKind
    name: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        name: Input[str],
        model_id: Input[str],
        weights: Input[Sequence[float]] = (0.3, 0.7),
        normalization: Input[str] = "min_max",
        combination: Input[str] = "arithmetic_mean",
        description: Input[str] = "",
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "name": name,
            "model_id": model_id,
            "weights": weights,
            "normalization": normalization,
            "combination": combination,
            "description": description,
        }
        super().__init__(resource_name, props, opts)
