"""One request on its way to its handler: the route that took it, its parameters, its parsed body.

The surprise: which route takes a request is decided by the path alone. A known path with another verb is 405, and
`POST /_anything` is such a case, because it could have been an index's name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.polarsearch.errors import ApiError, PlainError, illegal_argument
from sandbox.polarsearch.settings import java_bool
from sandbox.wire import Request

if TYPE_CHECKING:
    from sandbox.polarsearch.node import Node

WAITS = frozenset({"timeout", "cluster_manager_timeout", "master_timeout"})
EXPANDS = frozenset({"expand_wildcards", "allow_no_indices", "ignore_unavailable", "local"})
_ALWAYS = frozenset({"pretty", "human", "error_trace", "filter_path", "source", "source_content_type"})
_SOURCE = (
    "\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {line}, column: {column}]"
)
_EXPECTED = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_METHODS = ("HEAD", "GET", "DELETE", "PUT", "POST")


@dataclass(frozen=True)
class Reply:
    """What a handler answers: JSON, or text for `_cat`."""

    body: Any
    status: int = 200


@dataclass
class Call:
    """A request that found its route. `path` are the route's parameters."""

    request: Request
    path: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        """A query parameter."""
        return self.request.query.get(name, default)

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean query parameter; given without a value it is true."""
        value = self.request.query.get(name)
        return default if value is None else value == "" or java_bool(value)

    def number(self, name: str) -> int | None:
        """A whole-number query parameter."""
        value = self.request.query.get(name)
        try:
            return None if value is None else int(value)
        except ValueError:
            raise illegal_argument(f"Failed to parse int parameter [{name}] with value [{value}]") from None

    def json(self, default: Any = None) -> Any:
        """The body, or `default` when there is none. Raises json_parse_exception."""
        return parsed(self.request.body) if self.request.body else default

    def required(self) -> Any:
        """The body. Raises parse_exception when there is none."""
        if not self.request.body:
            raise ApiError(400, "parse_exception", "request body is required")
        return self.json()

    def mapped(self) -> dict[str, Any]:
        """The body as an object, whose refusal is wrapped as index creation and pipelines wrap it."""
        try:
            value = self.json({})
        except ApiError as error:
            raise ApiError(400, "parse_exception", "Failed to parse content to map", cause=error) from None
        if not isinstance(value, dict):
            raise ApiError(400, "parse_exception", "Failed to parse content to map")
        return value


Handle = Callable[["Node", Call], Reply]


@dataclass(frozen=True)
class Route:
    """`path` has {parameters}; `action` is what the security plugin calls it; `unlocked` handlers call other services
    and so lock the node themselves, only while they touch it."""

    methods: tuple[str, ...]
    path: str
    handle: Handle
    action: str
    params: frozenset[str] = frozenset()
    unlocked: bool = False

    @property
    def parts(self) -> list[str]:
        return [part for part in self.path.split("/") if part]

    def match(self, parts: list[str]) -> dict[str, str] | None:
        """The path's parameters, or None."""
        own = self.parts
        if len(own) != len(parts):
            return None
        pairs = list(zip(own, parts, strict=True))
        if any(mine != theirs for mine, theirs in pairs if mine[0] != "{"):
            return None
        return {mine[1:-1]: theirs for mine, theirs in pairs if mine[0] == "{"}

    def check(self, request: Request) -> None:
        """Raises illegal_argument_exception for a query parameter this route does not know."""
        unknown = [name for name in request.query if name not in self.params | _ALWAYS]
        if unknown:
            listed = f"parameter{'s' * (len(unknown) > 1)}: {', '.join(f'[{name}]' for name in sorted(unknown))}"
            raise illegal_argument(f"request [{request.path}] contains unrecognized {listed}")


def route(
    methods: str, path: str, handle: Handle, action: str, *params: Iterable[str], unlocked: bool = False
) -> Route:
    """`methods` and `params` in short: "GET POST", and any number of sets of names."""
    names = frozenset(name for group in params for name in ([group] if isinstance(group, str) else group))
    return Route(tuple(methods.split()), path, handle, action, names, unlocked)


class Router:
    """Every route, most literal first."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes: dict[int, list[Route]] = {}
        for each in sorted(routes, key=lambda item: [part[0] == "{" for part in item.parts]):
            self._routes.setdefault(len(each.parts), []).append(each)

    def find(self, request: Request) -> tuple[Route, Call]:
        """The route that takes this request. Raises PlainError 400 or 405."""
        parts = [part for part in request.path.split("/") if part]
        found = [(each, got) for each in self._routes.get(len(parts), []) if (got := each.match(parts)) is not None]
        for each, params in found:
            if request.method in each.methods:
                return each, Call(request, params)
        if not found:
            text = f"no handler found for uri [{request.path}] and method [{request.method}]"
            raise PlainError(400, text, numbered=False)
        taken = {method for each, _ in found for method in each.methods}
        raise no_such_method(request, *(method for method in _METHODS if method in taken))


def no_such_method(request: Request, *allowed: str) -> PlainError:
    """HTTP 405 for a route that takes only other methods."""
    listed = ", ".join(allowed)
    text = f"Incorrect HTTP method for uri [{request.path}] and method [{request.method}], allowed: [{listed}]"
    return PlainError(405, text, headers={"allow": ",".join(allowed)})


def check_content_type(request: Request) -> None:
    """Raises PlainError 406 for a body that is not said to be JSON."""
    if not request.body:
        return
    sent = request.headers.get("content-type")
    if sent is None:
        raise PlainError(406, "Content-Type header is missing")
    if sent.split(";")[0].strip().lower() not in {"application/json", "application/x-ndjson"}:
        raise PlainError(406, f"Content-Type header [{sent}] is not supported")


def parsed(body: bytes) -> Any:
    """JSON. Raises json_parse_exception in Jackson's words."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise ApiError(
            400, "json_parse_exception", "Invalid UTF-8 start byte" + _SOURCE.format(line=1, column=1)
        ) from None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise _json_error(text, error) from None


def _json_error(text: str, error: json.JSONDecodeError) -> ApiError:
    rest = text[error.pos :]
    word = rest.split(None, 1)[0].split(",")[0].split("}")[0] if rest.strip() else ""
    column = error.colno
    if not rest.strip():
        reason = "Unexpected end-of-input"
    elif error.msg.startswith("Expecting property name"):
        reason = (
            f"Unexpected character ('{rest[0]}' (code {ord(rest[0])})): was expecting double-quote to start field name"
        )
    elif error.msg.startswith("Expecting value") and word[:1].isalpha():
        column += len(word)
        reason = f"Unrecognized token '{word}': was expecting {_EXPECTED}"
    else:
        reason = f"Unexpected character ('{rest[0]}' (code {ord(rest[0])}))"
    return ApiError(400, "json_parse_exception", reason + _SOURCE.format(line=error.lineno, column=column))
