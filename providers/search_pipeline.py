"""Search pipeline: lets applications search by text alone, and combines words with meaning.

It fills in the model of neural queries, so that no application needs a model id, and brings the scores of a hybrid
query's parts to one scale before it weighs them. Other processors of OpenSearch's may stand after ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ValidationInfo, model_validator
from typing_extensions import Self

from providers.kit import (
    Immutable,
    Json,
    NamedInputs,
    OwnerReference,
    Properties,
    Property,
    Resource,
    State,
    describe,
    prop,
    read_description,
)
from providers.services import require_version
from providers.services.pipelines import PIPELINE_NAME, PipelineKind

ENRICHER, NORMALIZER = "neural_query_enricher", "normalization-processor"

Normalization = Literal["min_max", "l2", "z_score", "none"]
"""`none` leaves the scores of a hybrid query to another processor, such as `score-ranker-processor`."""

Processor = Json
DEFAULT_WEIGHTS = [0.3, 0.7]


def validated_combination(combination: str, fields: ValidationInfo) -> str:
    """Returns the combination, if it fits the normalization (neural-search, ScoreNormalizationFactory).

    Raises ValueError.
    """
    known = fields.data or {}  # none where the field is validated alone, as in a preview
    if known.get("normalization") == "z_score" and combination != "arithmetic_mean":
        raise ValueError(f"{combination} does not go with normalization z_score; write arithmetic_mean")
    return combination


Combination = Annotated[
    Literal["arithmetic_mean", "geometric_mean", "harmonic_mean"], AfterValidator(validated_combination)
]
"""Depends on a field `normalization` before it."""


def add_up(weights: Sequence[float]) -> bool:
    """Tells whether weights are positive and add up to 1."""
    return bool(weights) and min(weights) >= 0 and abs(sum(weights) - 1) <= 1e-6


def validated_weights(weights: list[float]) -> list[float]:
    """Returns the weights, if they add up. Raises ValueError."""
    if not add_up(weights):
        raise ValueError(f"{weights} must be positive and add up to 1; write for example [0.3, 0.7]")
    return weights


def validated_processors(processors: list[Processor]) -> list[Processor]:
    """Returns the processors, if each is one, and none is ours. Raises ValueError."""
    for processor in processors:
        if len(processor) != 1 or processor.keys() & {ENRICHER, NORMALIZER}:
            raise ValueError(
                f"every entry is one processor, as {{rename_field: {{…}}}}, and no {ENRICHER} or {NORMALIZER}"
            )
    return processors


Processors = Annotated[list[Processor], AfterValidator(validated_processors)]


class SearchPipelineProperties(Properties):
    """`weights` go to the parts of a hybrid query in their order, and add up to 1.

    `normalization` z_score needs OpenSearch 3.0 (neural-search, ZScoreNormalizationTechnique) and the arithmetic mean;
    with `none` the weights mean nothing. The processors are others than ours, which come first.
    """

    name: Immutable[str] = prop(pattern=PIPELINE_NAME)
    model_id: Property[str]
    weights: Property[Annotated[list[float], AfterValidator(validated_weights)], Sequence[float]] = prop(
        default=DEFAULT_WEIGHTS
    )
    normalization: Property[Normalization, str] = prop(default="min_max")
    combination: Property[Combination, str] = prop(default="arithmetic_mean")
    description: Property[str] = prop(default="")
    request_processors: Property[Processors, Sequence[Processor]] = prop(default=[])
    phase_results_processors: Property[Processors, Sequence[Processor]] = prop(default=[])
    response_processors: Property[Processors, Sequence[Processor]] = prop(default=[])


class SearchPipelineInputs(SearchPipelineProperties, NamedInputs):
    """What a person declares."""

    @model_validator(mode="after")
    def _no_weights_for_nothing(self) -> Self:
        """Raises ValueError for weights without a normalization: nobody would read them."""
        if self.normalization == "none" and self.weights != DEFAULT_WEIGHTS:
            raise ValueError("weights: normalization none weighs nothing; leave them out")
        return self


class SearchPipelineState(SearchPipelineInputs, State):
    """What PolarSearch shows."""


def definition(inputs: SearchPipelineInputs, uid: str) -> dict[str, Any]:
    """Returns the whole pipeline, as it is sent."""
    combination = {"technique": inputs.combination, "parameters": {"weights": inputs.weights}}
    normalizer = {"normalization": {"technique": inputs.normalization}, "combination": combination}
    normalizers = [] if inputs.normalization == "none" else [{NORMALIZER: normalizer}]
    given = {
        "request_processors": [{ENRICHER: {"default_model_id": inputs.model_id}}, *inputs.request_processors],
        "phase_results_processors": [*normalizers, *inputs.phase_results_processors],
        "response_processors": inputs.response_processors,
    }
    described = {"description": describe(inputs.description, OwnerReference(inputs.owner, uid))}
    return {**described, **{name: processors for name, processors in given.items() if processors}}


def shown(name: str, pipeline: Mapping[str, Any]) -> SearchPipelineState:
    """Returns the pipeline that PolarSearch shows; a model that somebody removed is empty."""
    description, reference = read_description(pipeline.get("description", ""))
    enricher = _processor(pipeline.get("request_processors", []), ENRICHER)
    normalizer = _processor(pipeline.get("phase_results_processors", []), NORMALIZER)
    combination = normalizer.get("combination", {})
    return SearchPipelineState.model_construct(
        name=name,
        model_id=enricher.get("default_model_id", ""),
        weights=combination.get("parameters", {}).get("weights", DEFAULT_WEIGHTS),
        normalization=normalizer.get("normalization", {}).get("technique", "none"),
        combination=combination.get("technique", "arithmetic_mean"),
        description=description,
        request_processors=_others(pipeline, "request_processors"),
        phase_results_processors=_others(pipeline, "phase_results_processors"),
        response_processors=_others(pipeline, "response_processors"),
        owner=reference.owner,
        uid=reference.uid,
    )


def _others(pipeline: Mapping[str, Any], place: str) -> list[Processor]:
    return [processor for processor in pipeline.get(place, []) if not processor.keys() & {ENRICHER, NORMALIZER}]


def _processor(processors: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    return next((processor[name] for processor in processors if name in processor), {})


class SearchPipelineKind(PipelineKind[SearchPipelineInputs, SearchPipelineState]):
    """Writes, shows and deletes search pipelines. The id is the pipeline's name."""

    inputs_type = SearchPipelineInputs
    state_type = SearchPipelineState
    noun = "search pipeline"
    path = "/_search/pipeline"
    setting, without_it = "search.default_pipeline", "search of"
    definition = staticmethod(definition)
    shown = staticmethod(shown)

    def require_version(self, inputs: SearchPipelineInputs) -> None:
        if inputs.normalization == "z_score":
            what = f"search pipeline {inputs.name}: normalization z_score"
            require_version(self.search.version, (3, 0, 0), what, "use min_max or l2")


class SearchPipeline(SearchPipelineProperties, Resource, module="polarsearch", name="SearchPipeline"):
    """A pipeline for neural and hybrid queries. Its id is its name; an index names it as `search_pipeline`.

    Example:
        search_pipeline = SearchPipeline(
            "hybrid", name="text_search", model_id=model.id, weights=[0.3, 0.7], opts=opts
        )
    """

    kind = SearchPipelineKind
