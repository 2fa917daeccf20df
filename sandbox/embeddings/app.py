"""`POST …/v1/embeddings` as OpenAI speaks it, refusing what Model Studio refuses and in its words.

The collection of API keys is looked at on every call and never copied, so a key can be rotated while the service runs.
"""

from __future__ import annotations

import base64
import json
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np

from sandbox.wire import Request, Response

from .models import Model, Vectors, catalogue

ROUTE = "/v1/embeddings"
INVALID = "<400> InternalError.Algo.InvalidParameter: "


class Refusal(Exception):
    """An answer that is not 200: status, and the four fields of OpenAI's error object."""

    def __init__(self, status: int, message: str, type_: str, code: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"message": message, "type": type_, "param": None, "code": code}


class Order(NamedTuple):
    """What was asked for, checked against the model's limits."""

    name: str
    model: Model
    texts: list[str]
    dimension: int
    base64: bool


class Embeddings:
    """The service. `handle` is mounted through respx or served by `sandbox.wire.serve`; threads may share it.

    `calls` and `texts` count what was answered with vectors, `refused` the other answers by HTTP status.

    >>> keys = {"sk-one"}
    >>> service = Embeddings(api_keys=keys)
    >>> keys.add("sk-two")  # valid from the next call on
    """

    def __init__(
        self,
        *,
        api_keys: Collection[str],
        models: Mapping[str, Model] | None = None,
        new_id: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self.api_keys, self.models = api_keys, catalogue() if models is None else models
        self.calls, self.texts, self.refused = 0, 0, Counter[int]()
        self._new_id, self._counting = new_id, threading.Lock()

    def handle(self, request: Request) -> Response:
        """Answer one request; refusals are answers too, nothing is raised."""
        try:
            order = self._order(request)
        except Refusal as refusal:
            return self._refuse(refusal)
        answer = _answer(order, order.model.embed(order.texts, order.dimension), self._new_id())
        with self._counting:
            self.calls, self.texts = self.calls + 1, self.texts + len(order.texts)
        return Response.of(200, answer)

    def _order(self, request: Request) -> Order:
        if not request.path.endswith(ROUTE):
            raise Refusal(404, f"Invalid URL ({request.method} {request.path})", "invalid_request_error", "not_found")
        if request.method != "POST":
            raise Refusal(405, f"Not allowed: {request.method}", "invalid_request_error", "method_not_allowed")
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or key.strip() not in self.api_keys:
            raise Refusal(401, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key")
        return _checked(_parsed(request.body), self.models)

    def _refuse(self, refusal: Refusal) -> Response:
        with self._counting:
            self.refused[refusal.status] += 1
        id_ = self._new_id()
        return Response.of(refusal.status, {"error": refusal.error, "id": id_, "request_id": id_})


def _parsed(body: bytes) -> Mapping[str, Any]:
    with suppress(ValueError):
        if isinstance(asked := json.loads(body), dict):
            return asked
    raise Refusal(400, "We could not parse the JSON body of your request.", "invalid_request_error", "invalid_json")


def _checked(asked: Mapping[str, Any], models: Mapping[str, Model]) -> Order:
    name = asked.get("model")
    if not isinstance(name, str) or not name:
        raise Refusal(400, "you must provide a model parameter", "invalid_request_error", "missing_model")
    if (model := models.get(name)) is None:
        message = f"The model `{name}` does not exist or you do not have access to it."
        raise Refusal(404, message, "invalid_request_error", "model_not_found")
    return Order(name, model, _texts(asked.get("input"), model), _dimension(asked, name, model), _base64(asked))


def _texts(given: Any, model: Model) -> list[str]:
    """The texts in order. The batch and length refusals are Model Studio's (seen in many public reports)."""
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise _invalid("Value error, contents is neither str nor list of str.: input.contents")
    if len(texts) > model.max_texts:
        limit = f"it should not be larger than {model.max_texts}."
        raise _invalid(f"Value error, batch size is invalid, {limit}: input.contents")
    if not all(text and model.count(text) <= model.max_tokens for text in texts):
        raise _invalid(f"Range of input length should be [1, {model.max_tokens}]")
    return texts


def _dimension(asked: Mapping[str, Any], name: str, model: Model) -> int:
    """The length of the vectors to return. Which ones are refused is documented; the sentence is our own."""
    wanted = asked.get("dimensions")
    if wanted is None:
        return model.default
    if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted not in model.dimensions:
        offered = model.dimensions
        whole = isinstance(offered, range)
        listed = f"{min(offered)} to {max(offered)}" if whole else ", ".join(map(str, offered))
        raise _invalid(f"Value error, dimension {wanted!r} is invalid, {name} offers {listed}.")
    return wanted


def _base64(asked: Mapping[str, Any]) -> bool:
    format_ = asked.get("encoding_format") or "float"
    if format_ not in ("float", "base64"):
        raise _invalid(f"Value error, encoding_format {format_!r} is invalid, it should be float or base64.")
    return bool(format_ == "base64")


def _invalid(reason: str) -> Refusal:
    return Refusal(400, INVALID + reason, "InvalidParameter", "InvalidParameter")


def _answer(order: Order, vectors: Vectors, id_: str) -> dict[str, Any]:
    tokens = sum(map(order.model.count, order.texts))
    if order.base64:
        written = [base64.b64encode(vector.astype("<f4").tobytes()).decode() for vector in vectors]
    else:
        written = vectors.astype(np.float64).round(8).tolist()  # all a float32 knows, in half the digits
    rows = [{"object": "embedding", "index": at, "embedding": vector} for at, vector in enumerate(written)]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": rows, "model": order.name, "usage": usage, "id": id_}
