"""How the text of a vector field is made, as a person writes it: `texts` and `long_texts` of a collection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from providers.services.texts import Chunking, EmbeddedText

LongTexts = Literal["cut", "chunk", "refuse"]
"""What becomes of a text that the model does not take whole."""

CHUNKING = ("chunk_tokens", "overlap", "max_chunks")
"""The settings of how a text is chunked."""


def validated_target(target: Any) -> Any:
    """Returns the vector field of a text field, or the text fields of a vector field. Raises ValueError."""
    if isinstance(target, str) or (isinstance(target, list) and target and all(isinstance(x, str) for x in target)):
        return target
    raise ValueError("write my_text: my_vector, or my_vector: [title, body] for several texts joined into one")


Target = Annotated[str | list[str], BeforeValidator(validated_target)]


class TextSettings(BaseModel):
    """How the text of one vector field is made.

    `labels` stand before the fields of a joined text: true for their names, or a label for each; `separator` is between
    the fields. With `long_texts` a text that the model does not take whole is cut, or chunked into passages that have a
    vector each, or refused, with its row. By default it is cut.

    A chunk has `chunk_tokens` words, or characters of Chinese, and begins with the last `overlap` of the one before.
    What follows `max_chunks` of them is not embedded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    labels: bool | dict[str, str] = False
    separator: str = "\n"
    long_texts: LongTexts | None = None
    chunk_tokens: int = Field(default=384, ge=1, le=100_000)
    overlap: float = Field(default=0.2, ge=0, le=0.5)
    max_chunks: int = Field(default=100, ge=1, le=1000)

    def text(self, vector: str, names: Sequence[str], token_limit: int | None) -> EmbeddedText:
        """Returns the text of a vector field, made of those text fields, for a model of that limit."""
        chunking = Chunking(self.chunk_tokens, self.overlap, self.max_chunks)
        return EmbeddedText(
            vector,
            names,
            labels=self.labels_of(names),
            separator=self.separator,
            token_limit=None if self.long_texts == "refuse" else token_limit,
            chunking=chunking if self.long_texts == "chunk" else None,
        )

    def labels_of(self, names: Sequence[str]) -> dict[str, str]:
        """Returns the labels of those text fields that have one."""
        if isinstance(self.labels, bool):
            return {name: name for name in names} if self.labels else {}
        return self.labels
