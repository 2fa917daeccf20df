"""A vector field, in our words and as OpenSearch maps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from .compare import Json
from .fields import Part


class Vector(Part):
    """A vector field: `dimension` numbers, compared by `space_type`, found through `method` of `engine`."""

    dimension: int = Field(ge=1, le=16000)
    space_type: Literal["cosinesimil", "l2", "innerproduct", "l1", "linf", "hamming"] = "cosinesimil"
    engine: Literal["faiss", "lucene", "nmslib"] = "faiss"
    method: Literal["hnsw", "ivf"] = "hnsw"
    parameters: dict[str, int] = {}

    def mapped(self) -> Json:
        """As OpenSearch maps it; `space_type` inside the method works in every version."""
        method = {"name": self.method, "engine": self.engine, "space_type": self.space_type}
        return {
            "type": "knn_vector",
            "dimension": self.dimension,
            "method": {**method, "parameters": dict(self.parameters)},
        }

    @classmethod
    def shown(cls, field: Mapping[str, Any], declared: Vector) -> Vector:
        """From the mapping OpenSearch shows; of the parameters, which it fills up, those that were declared."""
        method = field.get("method", {})
        parameters = {
            name: value for name, value in method.get("parameters", {}).items() if name in declared.parameters
        }
        return cls.model_construct(
            dimension=field.get("dimension", 0),
            space_type=method.get("space_type", ""),
            engine=method.get("engine", ""),
            method=method.get("name", ""),
            parameters=parameters,
        )
