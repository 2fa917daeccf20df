"""The whole service as one function from a request to a response: who asks, which route, what it answers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from sandbox.polarsearch import (
    aliases,
    cluster,
    connectors,
    deployment,
    documents,
    groups,
    indices,
    ingest,
    models,
    predict,
    search,
    search_pipelines,
)
from sandbox.polarsearch.access import Access, unauthorized
from sandbox.polarsearch.calls import Call, Reply, Route, Router, check_content_type
from sandbox.polarsearch.errors import ApiError, PlainError, not_here
from sandbox.polarsearch.faults import Faults, Requests, control
from sandbox.polarsearch.node import BUILD_HASH, Node, Outbound
from sandbox.polarsearch.remote import OverHttp
from sandbox.polarsearch.shapes import data
from sandbox.polarsearch.source import select
from sandbox.polarsearch.store import Store, shown
from sandbox.polarsearch.versions import Version
from sandbox.wire import JSON_TYPE, Lost, Request, Response

_MODULES = {module.__name__.rpartition(".")[2]: module for module in (
    aliases, cluster, connectors, documents, groups, indices, ingest, models, predict, search, search_pipelines
)}  # fmt: skip


def _route(about: dict[str, Any]) -> Route:
    module, _, name = about["handle"].partition(".")
    params, methods = frozenset(about["params"].split()), tuple(about["methods"].split())
    handle = getattr(_MODULES[module], name)
    return Route(methods, about["path"], handle, about["action"], params, about["body"], about["unlocked"])


ROUTES = [_route(about) for about in data("routes")]


class PolarSearch:
    """An OpenSearch with ml-commons, k-NN, neural-search and the security plugin's basic auth, small enough for a test.

    store: one SQLite file, whose state survives the process; None keeps everything in memory.
    version: from "2.11.0" to "3.5.0"; what differs is in `versions.py`.
    users: name → password; None means no security plugin. readers: those of them who may only read documents.
    call: how connectors reach other services; by default over HTTP.
    clock, sleep: seconds since 1970, and waiting (for `slow` faults only). entropy(n): n random bytes, for ids.
    Raises ValueError for a version that is none, sqlite3.Error for a store that cannot be opened.
    """

    def __init__(
        self,
        *,
        store: Path | None = None,
        version: str = "2.19.1",
        users: Mapping[str, str] | None = None,
        readers: Collection[str] = (),
        call: Outbound | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.faults, self.requests = Faults(), Requests()
        self._access, self._router, self._sleep = Access(users, readers), Router(ROUTES), sleep
        self._own, number = OverHttp(), Version(version)
        self._node = Node(store=Store(store), version=number, clock=clock, entropy=entropy, call=call or self._own)
        with self._node.working():
            deployment.after_restart(self._node)

    def handle(self, request: Request) -> Response:
        """Answer one request; any number of threads may ask at once. Raises `sandbox.wire.Lost`."""
        if request.path.startswith("/_sandbox/"):
            status, body = control(request, self.faults, self.requests)
            return Response.of(status, body)
        fault = self.faults.take(request)
        if fault is None:
            return self._answer(request)
        if fault.kind == "refused":
            raise Lost
        if fault.kind.isdigit():
            return Response.of(int(fault.kind), fault.answer())
        if fault.kind == "slow":
            self._sleep(fault.seconds)
        response = self._answer(request)
        if fault.kind == "lost":
            raise Lost
        return response

    def close(self) -> None:
        """Leave the store in order and close connections. Everything answered is in the store anyway."""
        with self._node.lock:
            self._node.store.close()
        self._own.close()

    def _answer(self, request: Request) -> Response:
        user = self._access.user(request)
        if user is None:
            return unauthorized()
        try:
            return self._routed(request, user)
        except ApiError as error:
            return Response.of(error.status, error.body())
        except PlainError as error:
            return Response.of(error.status, error.body)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            return _unreadable(error)

    def _routed(self, request: Request, user: str) -> Response:
        check_content_type(request)
        route, call = self._router.find(request)
        self.requests.count(f"{request.method} {route.path}")
        route.check(request)
        self._access.check(user, route.action)
        call.permit = partial(self._access.check, user)
        reply = self._handled(route, call)
        return self._response(reply, request)

    def _response(self, reply: Reply, request: Request) -> Response:
        filter_path = request.query.get("filter_path")
        body = select(reply.body, filter_path) if filter_path else reply.body
        pretty = request.query.get("pretty", "false") in {"", "true"}
        headers = {"content-type": JSON_TYPE}
        if reply.warnings:
            product = f"299 OpenSearch-{self._node.version.number}-{BUILD_HASH}"
            quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in reply.warnings)
            headers["warning"] = ", ".join(f'{product} "{text}"' for text in quoted)
        return Response(reply.status, shown(body, pretty=pretty).encode(), headers)

    def _handled(self, route: Route, call: Call) -> Reply:
        if route.unlocked:
            return route.handle(self._node, call)
        with self._node.working():
            return route.handle(self._node, call)


def _unreadable(error: Exception) -> Response:
    refusal = not_here(f"this request makes no sense ({type(error).__name__}: {error})", "class_cast_exception")
    refusal.status = 500
    return Response.of(500, refusal.body())
