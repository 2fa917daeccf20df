"""Asks PolarSearch, and says in one sentence why it did not answer."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from .queries import Fields, Query, everything, fields, fields_of
from .settings import Collection, Service

SAMPLE = 500
"""Documents whose keywords are offered as filters."""

FEW = 20
"""Documents that show the fields, where the mapping is not shown."""

MOVED = "invalid dimension"
"""In the answer to a query that was embedded while the alias moved to another model: the query is asked again."""

T = TypeVar("T")


@dataclass(eq=False)
class Problem(Exception):
    """Why there is no answer: the name of a sentence in `sentences`, and its values."""

    sentence: str
    values: Mapping[str, Any] = field(default_factory=dict)


class Search:
    """A client of the search service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._http = httpx.Client(
            base_url=service.url,
            auth=(service.username, service.password),
            verify=ssl.create_default_context(cafile=service.ca_file) if service.ca_file else True,
            timeout=service.timeout,
        )

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def hits(self, collection: Collection, body: Query) -> Sequence[Mapping[str, Any]]:
        """Returns the documents that a search finds. Raises Problem."""
        try:
            answer = self._asked("POST", collection, "_search", body)
        except Problem as problem:
            if MOVED not in str(problem.values.get("reason")):
                raise
            answer = self._asked("POST", collection, "_search", body)
        found: Sequence[Mapping[str, Any]] = answer["hits"]["hits"]
        return found

    def count(self, collection: Collection) -> int:
        """Returns the number of documents. Raises Problem."""
        return int(self._asked("POST", collection, "_count", {})["count"])

    def index(self, collection: Collection) -> tuple[str, Fields]:
        """Returns the index behind the alias, and its fields. Raises Problem."""
        try:
            [(name, shown)] = self._asked("GET", collection, "_mapping").items()
        except Problem as problem:
            if problem.sentence != "forbidden":
                raise
            return self._seen(collection)
        return name, fields(shown["mappings"].get("properties", {}))

    def _seen(self, collection: Collection) -> tuple[str, Fields]:
        """Returns the same as far as documents tell, which is enough for an account that may only read them."""
        found = self.hits(collection, everything(collection.hybrid, FEW))
        return found[0]["_index"] if found else "", fields_of([hit["_source"] for hit in found])

    def values(self, collection: Collection, known: Fields) -> dict[str, list[str]]:
        """Returns the values of each keyword field in a sample of the documents. Raises Problem."""
        if not known.keywords:
            return {}
        found = self.hits(collection, {"size": SAMPLE, "_source": list(known.keywords), "query": {"match_all": {}}})
        values = {
            name: {str(hit["_source"][name]) for hit in found if hit["_source"].get(name)} for name in known.keywords
        }
        return {name: sorted(each) for name, each in values.items()}

    def document(self, collection: Collection, key: str) -> Mapping[str, Any] | None:
        """Returns the fields of one document; None where a search does not find it. Raises Problem."""
        body = {**everything(collection.hybrid, 1), "query": {"ids": {"values": [key]}}}
        found = self.hits(collection, body)
        source: Mapping[str, Any] | None = found[0]["_source"] if found else None
        return source

    def _asked(self, method: str, collection: Collection, what: str, body: Query | None = None) -> Any:
        try:
            response = self._http.request(method, f"/{collection.alias}/{what}", json=body)
        except httpx.TimeoutException:
            raise Problem("slow", {"seconds": f"{self._service.timeout:g}"}) from None
        except httpx.HTTPError as error:
            raise Problem("down", {"url": self._service.url, "reason": str(error)}) from None
        return answer(response, collection.alias, self._service.username)


def answer(response: httpx.Response, alias: str, username: str) -> Any:
    """Returns what PolarSearch answered. Raises Problem."""
    if response.status_code == 200:
        try:
            return response.json()
        except ValueError:
            raise Problem("no_json", {"url": str(response.url.copy_with(path="/"))}) from None
    named = {401: "account", 403: "forbidden", 404: "gone"}
    status, why = response.status_code, reason(response)
    sentence = "model" if is_slow(status, why) else named.get(status, "refused")
    raise Problem(sentence, {"alias": alias, "username": username, "status": status, "reason": why})


def is_slow(status: int, why: str) -> bool:
    """Whether PolarSearch waited in vain for the embedding model."""
    return status >= 500 and any(each in why.lower() for each in ("timed out", "timeout"))


def reason(response: httpx.Response) -> str:
    """Returns the reason in an answer that is an error."""
    try:
        error = response.json()["error"]
    except (ValueError, LookupError, TypeError):
        return response.text[:200]
    return str(error.get("reason", error) if isinstance(error, dict) else error)


def tried(ask: Callable[[], T]) -> T | Problem:
    """Returns an answer, or why there is none."""
    try:
        return ask()
    except Problem as problem:
        return problem
