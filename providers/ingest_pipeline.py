"""Ingest pipeline: turns the text of every document into a vector before it is indexed.

A blank text is refused, and its row never arrives, so blank texts are removed before embedding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pulumi import Input
from pydantic import AfterValidator

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

PROCESSOR, SKIP_BLANK = "text_embedding", "skip_blank"

Processor = Json


def validated_processors(processors: list[Processor]) -> list[Processor]:
    """Returns the processors, if each is one, and none embeds. Raises ValueError."""
    for processor in processors:
        if len(processor) != 1 or PROCESSOR in processor:
            raise ValueError("every entry is one processor, as {set: {…}}, and not another text_embedding")
    return processors


Processors = Annotated[list[Processor], AfterValidator(validated_processors)]


class IngestPipelineProperties(Properties):
    """`field_map` maps each text field to the vector field that takes its embedding.

    With `skip_blank` a document whose text is empty or only white space is kept, without that text and its vector.
    `batch_size` is how many texts go to the model at once: at most 10 for text-embedding-v3 and v4. `before` and
    `after` are other processors of OpenSearch's, around the embedding one.
    """

    name: Immutable[str] = prop(pattern=PIPELINE_NAME)
    model_id: Property[str]
    field_map: Property[dict[str, str], Mapping[str, Input[str]]] = prop(min_length=1)
    batch_size: Property[int | None] = prop(default=None, ge=1)
    skip_blank: Property[bool] = prop(default=True)
    description: Property[str] = prop(default="")
    before: Property[Processors, Sequence[Processor]] = prop(default=[])
    after: Property[Processors, Sequence[Processor]] = prop(default=[])


class IngestPipelineInputs(IngestPipelineProperties, NamedInputs):
    """What a person declares."""


class IngestPipelineState(IngestPipelineInputs, State):
    """What PolarSearch shows."""


def definition(inputs: IngestPipelineInputs, uid: str) -> dict[str, Any]:
    """Returns the whole pipeline, as it is sent."""
    embed: Processor = {"model_id": inputs.model_id, "field_map": inputs.field_map}
    if inputs.batch_size is not None:
        embed["batch_size"] = inputs.batch_size
    blanks = [remove_blank(field) for field in inputs.field_map] if inputs.skip_blank else []
    return {
        "description": describe(inputs.description, OwnerReference(inputs.owner, uid)),
        "processors": [*inputs.before, *blanks, {PROCESSOR: embed}, *inputs.after],
    }


def remove_blank(field: str) -> Processor:
    """Returns a processor that removes a blank text, for which the write would fail: "… has empty string value".

    Blank is what neural-search takes for blank: empty, or nothing but what Java calls white space, such as U+3000.
    """
    first, *inner = field.split(".")
    value = f"ctx['{first}']" + "".join(f"?.get('{name}')" for name in inner)
    blank = f"{value} instanceof String && {value}.chars().allMatch(Character::isWhitespace)"
    return {"remove": {"field": field, "if": blank, "ignore_missing": True, "tag": SKIP_BLANK}}


def shown(name: str, pipeline: Mapping[str, Any]) -> IngestPipelineState:
    """Returns the pipeline that PolarSearch shows. One that no longer embeds has no model and no field map."""
    description, reference = read_description(pipeline.get("description", ""))
    processors = pipeline.get("processors", [])
    at = next((i for i, processor in enumerate(processors) if PROCESSOR in processor), len(processors))
    embed = processors[at][PROCESSOR] if at < len(processors) else {}
    blanks = [remove_blank(field) for field in embed.get("field_map", {})]
    first = at - len(blanks) if blanks and processors[max(0, at - len(blanks)) : at] == blanks else at
    return IngestPipelineState.model_construct(
        name=name,
        model_id=embed.get("model_id", ""),
        field_map=embed.get("field_map", {}),
        batch_size=embed.get("batch_size"),
        skip_blank=first < at,
        description=description,
        before=list(processors[:first]),
        after=list(processors[at + 1 :]),
        owner=reference.owner,
        uid=reference.uid,
    )


class IngestPipelineKind(PipelineKind[IngestPipelineInputs, IngestPipelineState]):
    """Writes, shows and deletes ingest pipelines. The id is the pipeline's name."""

    inputs_type = IngestPipelineInputs
    state_type = IngestPipelineState
    noun = "ingest pipeline"
    path = "/_ingest/pipeline"
    setting, without_it = "default_pipeline", "write to"
    definition = staticmethod(definition)
    shown = staticmethod(shown)

    def require_version(self, inputs: IngestPipelineInputs) -> None:
        if inputs.batch_size is not None:
            what = f"ingest pipeline {inputs.name}: batch_size"
            require_version(self.search.version, (2, 16, 0), what, "leave it out (in a stack's configuration: null)")


class IngestPipeline(IngestPipelineProperties, Resource, module="polarsearch", name="IngestPipeline"):
    """A pipeline that embeds text fields. Its id is its name; an index names it as `default_pipeline`.

    Example:
        pipeline = IngestPipeline(
            "text-to-vector",
            name="text_to_vec_pipeline",
            model_id=model.id,
            field_map={"my_text": "my_vector"},
            batch_size=10,
            opts=opts,
        )
    """

    kind = IngestPipelineKind
