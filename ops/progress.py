"""How far each generation of a collection is, computed from looks at it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from providers.services.autoetl import Link
from providers.services.backfill import Backfill, Keys
from providers.services.reconcile import Disagreement

RECENT = 30
"""Looks that the rate is computed from."""

Role = Literal["serving", "filling"]


@dataclass(frozen=True)
class Look:
    """One look at an index and its rows, at a time in seconds; `missing` are rows of the newest that have no document
    yet, or no vector, and None where the key does not tell.
    """

    at: float
    counted: Backfill
    missing: Keys | None = None
    found: Disagreement = field(default_factory=Disagreement)

    @property
    def is_settled(self) -> bool:
        """Whether another look would tell no more."""
        return not (self.counted.left or self.missing or self.found.excess)


@dataclass(frozen=True)
class History:
    """The recent looks at one index, and since when each missing row has been seen to be missing."""

    looks: Sequence[Look] = ()
    since: Mapping[str, float] = field(default_factory=dict)

    def after(self, look: Look) -> History:
        """Returns the history with another look."""
        since = {key: self.since.get(key, look.at) for key in look.missing or ()}
        return History([*self.looks, look][-RECENT:], since)

    @property
    def rate(self) -> float | None:
        """Documents and vectors a second that arrived; None with a single look."""
        first, last = self.looks[0], self.looks[-1]
        seconds = last.at - first.at
        return max(0, first.counted.left - last.counted.left) / seconds if seconds > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at that rate; None where nothing arrives, or nobody has seen it."""
        left = self.looks[-1].counted.left
        if not left:
            return 0.0
        return left / self.rate if self.rate else None

    @property
    def lag(self) -> float | None:
        """How long, at least, a row has been waiting for its document; None where the key does not tell."""
        last = self.looks[-1]
        return None if last.missing is None else max((last.at - at for at in self.since.values()), default=0.0)


@dataclass(frozen=True)
class LinkStatus:
    """A sync link in AutoETL's words. `latency_seconds` is null before the first change after the initial load."""

    job: str
    latency_seconds: float | None
    restarts: int
    errors: str = ""
    refused_row: str = ""


@dataclass(frozen=True)
class GenerationStatus:
    """One index of a collection. `lag_seconds` is our own measure: how long, at least, one of the newest rows has been
    seen without its document; null where the key does not tell. `per_second` counts documents and vectors.
    """

    index: str
    role: Role
    rows: int
    documents: int
    texts: int
    vectors: int
    texts_without_vector: int
    documents_without_row: int
    lag_seconds: float | None
    per_second: float | None
    seconds_left: float | None
    link: LinkStatus | None


@dataclass(frozen=True)
class CollectionStatus:
    """A collection: the generation that is served, the one that is being filled, and what is wrong."""

    name: str
    serving: GenerationStatus | None
    filling: GenerationStatus | None
    problems: Sequence[str] = ()


def generation_status(
    index: str, role: Role, history: History, link: Link | None, refused_row: str
) -> GenerationStatus:
    """Returns the status of an index after some looks."""
    counted, found = history.looks[-1].counted, history.looks[-1].found
    return GenerationStatus(
        index=index,
        role=role,
        rows=counted.rows,
        documents=counted.documents,
        texts=sum(counted.texts.values()),
        vectors=sum(counted.vectors.values()),
        texts_without_vector=sum(found.without_vector.values()),
        documents_without_row=len(found.strays) or found.excess,
        lag_seconds=history.lag,
        per_second=history.rate,
        seconds_left=history.seconds_left,
        link=None if link is None else link_status(link, refused_row),
    )


def link_status(link: Link, refused_row: str = "") -> LinkStatus:
    """Reads AutoETL's Message, whose numbers are texts; a latency of -1 is none."""
    latency = whole(link.message.get("latency", ""))
    return LinkStatus(
        job=link.message.get("jobStatus", ""),
        latency_seconds=None if latency is None or latency < 0 else latency / 1000,
        restarts=whole(link.message.get("restart_times", "")) or 0,
        errors=link.message.get("errors", ""),
        refused_row=refused_row,
    )


def whole(text: str) -> int | None:
    """Returns a whole number; None where the text is none."""
    return int(text) if text.removeprefix("-").isdigit() else None


def problems_of(index: str, link: Link | None, refused_row: str, found: Disagreement, *, prune: bool) -> list[str]:
    """Returns what is wrong with an index, a line each, with what to do."""
    lines = []
    if link is None:
        lines.append(f"{index}: PolarDB has no sync link into it; `pulumi up --refresh` makes it again")
    elif link.problem:
        then = "it goes on by itself" if link.recovers else "then `pulumi up --refresh` makes it again"
        lines.append("; ".join(filter(None, [f"{index}: {link.problem}", refused_row, f"mend the cause, {then}"])))
    if what := found.described(prune=prune):
        lines.append(f"{index} has {what.replace('`pulumi up`', '`pulumi up --refresh`')}")
    return lines


def generations(alias: str, declared: str, aliases: Mapping[str, Iterable[str]]) -> tuple[str | None, str | None]:
    """Returns the index that the alias serves, and the one of the configuration that is not served yet."""
    serving = next((index for index, names in aliases.items() if alias in names), None)
    return serving, declared if declared in aliases and declared != serving else None
