"""Searches every collection of a stack by meaning, as an application does: from the stack's outputs alone.

The query bodies are outputs of the stack; the text, as a JSON string, replaces `{{text}}` in them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

PLACEHOLDER = "{{text}}"
ROWS = 3
WIDTH = 96


class Unanswered(Exception):
    """The search failed; the message is one line for a person."""


@dataclass(frozen=True)
class Access:
    """The search service's URL and account."""

    url: str
    username: str
    password: str
    ca_file: str | None = None


def access(export: Mapping[str, Any]) -> Access | None:
    """Returns how the last update searched, None before the first."""
    if (given := connection(export)) is None:
        return None
    return Access(given["search_url"], given["search_username"], given["search_password"], given.get("search_ca_file"))


def connection(export: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Returns the Connection of the last update from `pulumi stack export --show-secrets`, None before the first."""
    for resource in export["deployment"].get("resources") or []:
        given = {key.rpartition(":")[2]: _revealed(value) for key, value in (resource.get("inputs") or {}).items()}
        if resource["type"].startswith("pulumi:providers:") and "search_url" in given:
            return given
    return None


def environment(given: Mapping[str, Any]) -> dict[str, str]:
    """Returns a Connection as the environment variables of an application."""
    names = [f"search_{name}" for name in ("url", "username", "password", "ca_file")]
    names += [f"database_{name}" for name in ("host", "port", "user", "password")]
    return {name.upper(): f"{given[name]:g}" if isinstance(given[name], float) else str(given[name])
            for name in names if given.get(name)}  # fmt: skip


def ask(to: Access, collections: Mapping[str, Any], text: str, rows: int = ROWS) -> Iterator[str]:
    """Yields a heading and a table of score, id and text for each collection. Raises Unanswered."""
    with _client(to) as client:
        for name, collection in collections.items():
            yield f'\n{name}: "{text}"'
            body = {**filled(collection["neural"], text), "size": rows}
            answer = _answer(client, f"{to.url.rstrip('/')}/{collection['alias']}/_search", body)
            yield from table(answer["hits"]["hits"])


def counts(to: Access, collections: Mapping[str, Any]) -> dict[str, int]:
    """Returns the number of documents of each collection. Raises Unanswered."""
    with _client(to) as client:
        return {
            name: int(_answer(client, f"{to.url.rstrip('/')}/{collection['alias']}/_count", {})["count"])
            for name, collection in collections.items()
        }


def changing_counts(
    count: Callable[[], Mapping[str, int]],
    *,
    quiet: float = 1.5,
    timeout: float = 90,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Mapping[str, int]]:
    """Yields the counts whenever they change, until none is 0 and none has changed for `quiet` seconds.

    A link loads its table in the background, so a new stack has no documents at first. Ends after `timeout` seconds.
    """
    begun = since = now()
    yield (last := count())
    while now() - begun < timeout and (now() - since < quiet or not all(last.values())):
        sleep(0.25)
        if (current := count()) != last:
            last, since = current, now()
            yield last


def filled(query: str, text: str) -> Any:
    """Returns the body of a ready query, with `text` in it."""
    return json.loads(query.replace(PLACEHOLDER, json.dumps(text)))


def table(hits: list[dict[str, Any]]) -> list[str]:
    """Returns one line per hit, best first."""
    if not hits:
        return ["  nothing found"]
    return [f"  {hit['_score']:.3f}  {hit['_id']:>5}  {_text_of(_found(hit))}" for hit in hits]


def _found(hit: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the best passages of a document whose texts are chunked, and of any other its fields."""
    passages = {name: inner["hits"]["hits"] for name, inner in hit.get("inner_hits", {}).items()}
    return {name: found[0]["_source"]["text"] for name, found in passages.items() if found} or hit.get("_source") or {}


def _text_of(source: Mapping[str, Any]) -> str:
    """Returns the text fields, the name first: the service does not keep the order of fields."""
    fields = sorted(source, key=lambda field: (field != "name", field))
    text = " · ".join(" ".join(source[field].split()) for field in fields if isinstance(source[field], str))
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def _client(to: Access) -> httpx.Client:
    """Returns a client that ignores proxy settings: the sandbox is on this machine."""
    return httpx.Client(auth=(to.username, to.password), verify=to.ca_file or True, timeout=30, trust_env=False)


def _answer(client: httpx.Client, url: str, body: Any) -> dict[str, Any]:
    try:
        response = client.post(url, json=body)
    except httpx.HTTPError as error:
        raise Unanswered(f"POST {url}: {error}; is it running? make up") from None
    if response.status_code != 200:
        raise Unanswered(f"POST {url}: {_reason(response)} (HTTP {response.status_code})")
    answer: dict[str, Any] = response.json()
    return answer


def _reason(response: httpx.Response) -> str:
    try:
        error = response.json()["error"]
    except (ValueError, LookupError, TypeError):
        return response.text[:200].replace("\n", " ")
    return str(error.get("reason", error) if isinstance(error, dict) else error)


def _revealed(value: Any) -> Any:
    """Returns the plain value of a secret, which `--show-secrets` writes as JSON text."""
    if isinstance(value, dict) and "plaintext" in value:
        return json.loads(value["plaintext"])
    return value
