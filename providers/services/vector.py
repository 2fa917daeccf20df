"""A vector field, as it is declared and as OpenSearch maps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from typing_extensions import Self

from providers.kit import Json, Nested, as_declared

FLOATS = frozenset({"confidence_interval"})
"""Parameters that k-NN takes as a float alone, and all others as whole numbers alone (recorded)."""


DEFAULT_TYPE = "float"


def without_default(data_type: Any) -> Any:
    """Returns no type for `float`, which OpenSearch does not show."""
    return None if data_type == DEFAULT_TYPE else data_type


def with_floats(parameters: Any) -> Any:
    """Returns 1.0 for 1 where k-NN wants it so, at any depth."""
    if not isinstance(parameters, Mapping):
        return parameters
    return {
        name: float(value) if name in FLOATS and isinstance(value, int) else with_floats(value)
        for name, value in parameters.items()
    }


class Vector(Nested):
    """A vector field: `dimension` numbers, compared by `space_type`, found through `method` of `engine`.

    `mode` and `compression_level` keep vectors small (OpenSearch 2.17 and later), as an `encoder` among the method's
    `parameters` does; which of them go together depends on the engine (vectors.jsonl). `data_type` byte is for vectors
    of whole numbers from -128 to 127, and goes with neither.
    """

    dimension: int = Field(ge=1, le=16000)
    space_type: Literal["cosinesimil", "l2", "innerproduct", "l1", "linf", "hamming"] = "cosinesimil"
    engine: Literal["faiss", "lucene", "nmslib"] = "faiss"
    method: Literal["hnsw"] = "hnsw"
    parameters: Annotated[dict[str, int | Json], AfterValidator(with_floats)] = {}
    mode: Literal["in_memory", "on_disk"] | None = None
    compression_level: Literal["1x", "2x", "4x", "8x", "16x", "32x"] | None = None
    data_type: Annotated[Literal["byte"] | None, BeforeValidator(without_default)] = None

    @model_validator(mode="after")
    def _bytes(self) -> Self:
        """Raises ValueError for what does not go with bytes (probed on 2.19.1)."""
        if self.data_type and (wrong := self._unfit_for_bytes()):
            raise ValueError(f"{wrong} with vectors of bytes; leave it out")
        return self

    def _unfit_for_bytes(self) -> str:
        if self.engine == "nmslib" or self.space_type == "hamming":
            return f"{self.engine} and {self.space_type} do not go together"
        if self.smaller:
            return f"{' and '.join(self.smaller)} does not go"
        return "an encoder does not go" if "encoder" in self.parameters else ""

    def mapped(self) -> Json:
        """Returns the mapping; `space_type` inside the method works in every version."""
        method = {"name": self.method, "engine": self.engine, "space_type": self.space_type}
        return {
            "type": "knn_vector",
            "dimension": self.dimension,
            "method": {**method, "parameters": dict(self.parameters)},
            **({"data_type": self.data_type} if self.data_type else {}),
            **self.smaller,
        }

    @property
    def smaller(self) -> dict[str, str]:
        """What is declared beside the method to keep the vectors small."""
        return self.model_dump(include={"mode", "compression_level"}, exclude_none=True)

    @classmethod
    def shown(cls, field: Mapping[str, Any], declared: Vector) -> Vector:
        """Reads the mapping that OpenSearch shows; of the parameters, which it completes, those that were declared."""
        method = field.get("method", {})
        return cls.model_construct(
            dimension=field.get("dimension", 0),
            space_type=method.get("space_type", ""),
            engine=method.get("engine", ""),
            method=method.get("name", ""),
            parameters=as_declared(method.get("parameters", {}), declared.parameters),
            mode=field.get("mode"),
            compression_level=field.get("compression_level"),
            data_type=without_default(str(field.get("data_type", DEFAULT_TYPE)).lower()),
        )
