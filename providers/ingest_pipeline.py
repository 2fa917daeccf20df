"""Ingest pipeline: what turns the text of every document into a vector before it is indexed.

Two facts surprise. A blank text is refused, and its row never arrives, so blank texts are taken out before embedding.
And OpenSearch deletes a pipeline that indexes still use, after which every write to them fails, so we look first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Input, Output
from pydantic import Field, field_validator

from providers.kit import (
    Immutable,
    Json,
    Mark,
    NamedInputs,
    NamedKind,
    Refused,
    Resource,
    State,
    describe,
    read_description,
    require_version,
)

PROCESSOR, SKIP_BLANK = "text_embedding", "skip_blank"
PIPELINE_NAME = r"^[^\s*,/\\?#\"<>|]+$"
"""A `*` or `,` in a pipeline's id makes GET and DELETE act on several."""

Processor = Json


class IngestPipelineInputs(NamedInputs):
    """What a person declares. `field_map` says which vector field takes the embedding of which text field.

    With `skip_blank` a document whose text is empty or only white space is kept, without that text and its vector.
    """

    name: Immutable[str] = Field(pattern=PIPELINE_NAME)
    model_id: str
    field_map: dict[str, str] = Field(min_length=1)
    batch_size: int | None = Field(default=None, ge=1)
    skip_blank: bool = True
    description: str = ""
    before: list[Processor] = []
    after: list[Processor] = []

    @field_validator("before", "after")
    @classmethod
    def _one_processor_each(cls, processors: list[Processor]) -> list[Processor]:
        for processor in processors:
            if len(processor) != 1 or PROCESSOR in processor:
                raise ValueError("every entry is one processor, as {set: {…}}, and not another text_embedding")
        return processors


class IngestPipelineState(IngestPipelineInputs, State):
    """What PolarSearch shows."""


def definition(inputs: IngestPipelineInputs, incarnation: str) -> dict[str, Any]:
    """The whole pipeline, as it is sent."""
    embed: Processor = {"model_id": inputs.model_id, "field_map": inputs.field_map}
    if inputs.batch_size is not None:
        embed["batch_size"] = inputs.batch_size
    blanks = [blank_taken_out(field) for field in inputs.field_map] if inputs.skip_blank else []
    return {
        "description": describe(inputs.description, Mark(inputs.owner, incarnation)),
        "processors": [*inputs.before, *blanks, {PROCESSOR: embed}, *inputs.after],
    }


def blank_taken_out(field: str) -> Processor:
    """A processor that removes a blank text, for which the write would fail: "… has empty string value".

    Blank is what neural-search takes for it: empty, or nothing but what Java calls white space, such as U+3000.
    """
    first, *inner = field.split(".")
    value = f"ctx['{first}']" + "".join(f"?.get('{name}')" for name in inner)
    blank = f"{value} instanceof String && {value}.chars().allMatch(Character::isWhitespace)"
    return {"remove": {"field": field, "if": blank, "ignore_missing": True, "tag": SKIP_BLANK}}


def shown(name: str, pipeline: Mapping[str, Any]) -> IngestPipelineState:
    """The pipeline PolarSearch shows. One that no longer embeds has no model and no field map."""
    description, mark = read_description(pipeline.get("description", ""))
    processors = pipeline.get("processors", [])
    at = next((i for i, processor in enumerate(processors) if PROCESSOR in processor), len(processors))
    embed = processors[at][PROCESSOR] if at < len(processors) else {}
    blanks = [blank_taken_out(field) for field in embed.get("field_map", {})]
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
        owner=mark.owner,
        incarnation=mark.incarnation,
    )


class IngestPipelineKind(NamedKind[IngestPipelineInputs, IngestPipelineState]):
    """Writes, shows and drops ingest pipelines. The id is the pipeline's name."""

    inputs_type = IngestPipelineInputs
    state_type = IngestPipelineState
    called = "ingest pipeline"

    def read(self, id: str, declared: IngestPipelineInputs) -> IngestPipelineState:
        return shown(id, self.search.get(f"/_ingest/pipeline/{id}")[id])

    def handover(self, inputs: IngestPipelineInputs, state: IngestPipelineState) -> str:
        return f"end its description with [pulumi:{inputs.owner}]"

    def delete(self, id: str, state: IngestPipelineState) -> None:
        if used := self._indexes_that_use(id):
            raise Refused(
                f"ingest pipeline {id} is the default_pipeline of {', '.join(used)}: without it every write to them "
                f"fails; give them another pipeline first"
            )
        self.search.delete(f"/_ingest/pipeline/{id}")

    def require_possible(self, inputs: IngestPipelineInputs) -> None:
        if inputs.batch_size is not None:
            what = f"ingest pipeline {inputs.name}: batch_size"
            require_version(self.search.version, (2, 16, 0), what, "leave it out (in a stack's configuration: null)")

    def write(self, inputs: IngestPipelineInputs, incarnation: str) -> None:
        self.require_possible(inputs)
        self.search.put(f"/_ingest/pipeline/{inputs.name}", definition(inputs, incarnation))

    def _indexes_that_use(self, name: str) -> list[str]:
        path = "settings.index.default_pipeline"
        indexes = self.search.get(f"/_all/_settings?filter_path=*.{path}")
        return [index for index, shown in indexes.items() if shown["settings"]["index"]["default_pipeline"] == name]


class IngestPipeline(Resource, module="polarsearch", name="IngestPipeline"):
    """A pipeline that embeds text fields. Its id is its name; an index names it as `default_pipeline`.

    `batch_size` is how many texts go to the model at once: at most 10 for text-embedding-v3 and v4. `before` and
    `after` are other processors of OpenSearch's, around the embedding one.

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
    name: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        name: Input[str],
        model_id: Input[str],
        field_map: Input[Mapping[str, Input[str]]],
        batch_size: Input[int] | None = None,
        skip_blank: Input[bool] = True,
        description: Input[str] = "",
        before: Input[Sequence[Processor]] | None = None,
        after: Input[Sequence[Processor]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "name": name,
            "model_id": model_id,
            "field_map": field_map,
            "batch_size": batch_size,
            "skip_blank": skip_blank,
            "description": description,
            "before": [] if before is None else before,
            "after": [] if after is None else after,
        }
        super().__init__(resource_name, props, opts)
