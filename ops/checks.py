"""What is wrong with a stack, computed from facts. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from components.embedding_validation import private_address_mistake
from components.settings import Collection, Embedding
from providers.kit import Json, pluralize
from providers.services.autoetl import Revision, privileges_on
from providers.services.mlcommons import ROOT
from providers.services.objects import PIPELINES, Found
from providers.services.prerequisites import too_old
from providers.services.texts import SPECIAL_TOKENS, EmbeddedText
from providers.services.trust import is_private_address

WATERMARKS = {"low": "85%", "high": "90%", "flood_stage": "95%"}
WATERMARK = "cluster.routing.allocation.disk.watermark."
"""OpenSearch's defaults (its documentation of cluster routing and allocation)."""

FULL: Mapping[str, str] = {
    "flood_stage": "OpenSearch blocks writes to every index that has a shard on it",
    "high": "OpenSearch moves shards away from it",
    "low": "OpenSearch puts no new shards on it",
}
BREAKER, BREAKER_DEFAULT = "knn.memory.circuit_breaker.limit", "50%"

UNITS = {"b": 1, "kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40, "pb": 2**50}


@dataclass(frozen=True)
class Finding:
    """Something that could make `up` or the running stack fail: a line that says what, and what to do. `statements`
    are what to run for that, SQL or requests to PolarSearch, where there is something.
    """

    area: str
    line: str
    statements: Sequence[str] = ()


@dataclass(frozen=True)
class ColumnFacts:
    """The texts of one column: how many rows have one that is not blank, and how long they are."""

    rows: int
    filled: int
    characters: int
    bytes: int
    longest_characters: int
    longest_bytes: int


@dataclass(frozen=True)
class NodeFacts:
    """A node of PolarSearch, in bytes."""

    name: str
    disk: int
    available: int
    memory: int
    heap: int


def account_of(grants: Iterable[str]) -> str:
    """Returns the account that `SHOW GRANTS` names, as a GRANT names it."""
    found = (re.search(r" TO (\S+)", grant) for grant in grants)
    return next((match[1].rstrip(";") for match in found if match), "<account>")


def statements_for(line: str, account: str) -> list[str]:
    """Returns the statements that grant what a line says is missing."""
    if lacking := re.search(r"this account lacks ([A-Z]+(?: and [A-Z]+)*) on (\S+?)\.(\S+?)[:;,]", line):
        return [f"GRANT {lacking[1].replace(' and ', ', ')} ON `{lacking[2]}`.`{lacking[3]}` TO {account}"]
    return [f"GRANT EXECUTE ON `dbms_etl`.* TO {account}"] if "(1370)" in line else []


def unmakeable(missing: Iterable[str], grants: Sequence[str]) -> Iterator[str]:
    """Yields the tables that `up` has to make, and that this account may not make."""
    for table in missing:
        privileges = privileges_on(grants, table)
        if privileges is not None and not privileges & {"CREATE"}:
            yield f"this account lacks CREATE on {table}: grant it, or make the table yourself"


def text_findings(
    collection: Collection, text: EmbeddedText, columns: Sequence[ColumnFacts], embedding: Embedding
) -> Iterator[Finding]:
    """Yields what is wrong with the texts of a vector field, for that model."""
    longest, limit = sum(each.longest_bytes for each in columns), embedding.text_limit
    refuses = collection.text_settings(text.vector).long_texts == "refuse"
    if refuses and not embedding.limit_is_assumed and longest > limit - SPECIAL_TOKENS:
        yield Finding(
            collection.name,
            f"{', '.join(text.fields)}: the longest text has {longest} bytes, and the model takes {limit} tokens, so "
            f"it may refuse that row, which stops its link; write `long_texts: cut`, or chunk",
        )
    if columns and columns[0].rows and not any(each.filled for each in columns):
        named = ", ".join(text.fields)
        yield Finding(collection.name, f"{named}: every text is blank, so nothing is embedded; check `fields`")


def text_note(collection: Collection, text: EmbeddedText, columns: Sequence[ColumnFacts], embedding: Embedding) -> str:
    """Returns how long the texts of a vector field are, and how many are blank."""
    rows, filled = columns[0].rows, max(each.filled for each in columns)
    blank = f"{100 * (rows - filled) / rows:.0f} % blank" if rows else "no rows"
    characters = sum(each.longest_characters for each in columns)
    assumed = ", which is assumed: `embedding.max_tokens`" if embedding.limit_is_assumed else ""
    limit = f"{embedding.text_limit} tokens{assumed}"
    about = f"{collection.name}: {', '.join(text.fields)}"
    return f"{about}: {blank}; the longest has {characters} characters, the model's limit is {limit}"


def private_findings(embedding: Embedding, addresses: Mapping[str, Sequence[str]], *, allowed: bool) -> list[Finding]:
    """Returns the hosts of the embedding service whose addresses, as this machine resolves them, are private."""
    if embedding.private_address or allowed:
        return []
    found = []
    for host, resolved in addresses.items():
        if is_private_address(host):
            found.append(Finding("embedding", private_address_mistake(host)))
        elif private := next(filter(is_private_address, resolved), ""):
            line = (
                f"embedding.url: {host} is {private} here, a private address; if PolarSearch resolves it so, too, it "
                f"refuses to call it: write private_address: true"
            )
            found.append(Finding("embedding", line))
    return found


def disk_findings(nodes: Iterable[NodeFacts], settings: Mapping[str, str]) -> Iterator[Finding]:
    """Yields the nodes whose disk is fuller than a watermark, each with the highest one."""
    for node in nodes:
        over = (level for level in FULL if is_over(node, str(settings.get(WATERMARK + level, WATERMARKS[level]))))
        if level := next(over, ""):
            used = 100 * (node.disk - node.available) / node.disk
            line = f"the disk of node {node.name} is {used:.0f} % full, over the {level} watermark: {FULL[level]}; "
            yield Finding("polarsearch", line + "free some, or add storage")


def is_over(node: NodeFacts, watermark: str) -> bool:
    """Tells whether a disk is fuller than a watermark: a share that is used, or an amount that is free."""
    if node.disk <= 0:
        return False
    if (share := share_of(watermark)) is not None:
        return (node.disk - node.available) / node.disk >= share
    return node.available <= bytes_of(watermark)


def memory_limit(nodes: Iterable[NodeFacts], limit: str) -> int:
    """Returns how much native memory k-NN's circuit breaker allows on all nodes: a share of what the heap leaves."""
    share = share_of(limit)
    return sum(bytes_of(limit) if share is None else int(max(0, each.memory - each.heap) * share) for each in nodes)


def memory_findings(needed: int, allowed: int) -> Iterator[Finding]:
    """Yields that the vectors do not fit into k-NN's native memory."""
    if allowed and needed > allowed:
        line = (
            f"the vectors take {sized(needed)} of native memory, and k-NN's circuit breaker allows {sized(allowed)}: "
            f"searches read graphs from disk again and again; add memory, or write `mode: on_disk` or a "
            f"`compression_level` in the mapping"
        )
        yield Finding("polarsearch", line)


def blocked_findings(shown: Mapping[str, Json], ours: Iterable[str]) -> Iterator[Finding]:
    """Yields the indexes that take no writes since a disk was full."""
    for index in ours:
        blocks = shown.get(index, {}).get("settings", {}).get("index", {}).get("blocks", {})
        if str(blocks.get("read_only_allow_delete")).lower() == "true":
            lift = f'PUT /{index}/_settings {{"index.blocks.read_only_allow_delete": null}}'
            line = f"index {index} takes no writes since a disk was full; free it, then lift the block"
            yield Finding("polarsearch", line, [lift])


def backend_notes(collection: Collection, revision: Revision | None) -> list[str]:
    """Returns which backend to choose while there is no index yet (PolarDB docs, AutoETL, search views)."""
    if collection.backend == "search_view" or revision is None or too_old("search_view", revision):
        return []
    return [
        f"{collection.name}: PolarDB's documentation recommends search views on this revision; write sync: "
        f"{{backend: search_view}} before the first `pulumi up`, since another backend later builds the index anew"
    ]


def orphan_findings(found: Iterable[Found]) -> Iterator[Finding]:
    """Yields the objects of ours that no state knows."""
    for each in found:
        line = (
            f"{each} carries our owner reference ({each.reference}) and is in no state: `pulumi up` takes it over "
            f"if it is still declared; otherwise nobody uses it, delete it"
        )
        yield Finding("orphans", line, [f"DELETE {path}"] if (path := path_of(each)) else [])


def path_of(found: Found) -> str:
    """Returns the path of an object in PolarSearch; empty for one that is part of another, or is in PolarDB."""
    if found.noun == "alias":
        index, alias = found.id.split("/", 1)
        return f"/{index}/_alias/{alias}"
    lists = {**PIPELINES, "index": "", "model": f"{ROOT}/models", "connector": f"{ROOT}/connectors"}
    lists |= {"model group": f"{ROOT}/model_groups"}
    return f"{lists[found.noun]}/{found.id}" if found.noun in lists else ""


def refused_findings(collection: str, rows: Sequence[str], refusals: Sequence[str | None]) -> Iterator[Finding]:
    """Yields the rows that a simulated pipeline refuses."""
    for row, why in zip(rows, refusals, strict=True):
        if why is not None:
            reason = " ".join(why.split())
            yield Finding(collection, f"its pipeline refuses row {row}: {reason}; mend the row, or the pipeline")


def unique(findings: Iterable[Finding]) -> list[Finding]:
    """Returns each line once."""
    return list({each.line: each for each in findings}.values())


def share_of(text: str) -> float | None:
    """Returns `85%` or `0.85` as a share; None for an amount."""
    if text.endswith("%"):
        return float(text[:-1]) / 100
    return float(text) if re.fullmatch(r"0?\.\d+", text) else None


def bytes_of(text: str) -> int:
    """Returns `10gb` as bytes."""
    found = re.fullmatch(r"([\d.]+)\s*([a-z]+)", text.strip().lower())
    return int(float(found[1]) * UNITS.get(found[2], 1)) if found else 0


def sized(size: float) -> str:
    """Returns bytes as a person reads them."""
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TB"


def configuration_findings(mistakes: Iterable[str]) -> list[Finding]:
    """Returns the mistakes of the configuration."""
    return [Finding("configuration", each) for each in mistakes]


def described(vectors: int, dimension: int, seconds: float, asked: str = "") -> str:
    """Returns how the embedding service answered; `asked` says from where, if not by PolarSearch."""
    return f"embedding: {pluralize(vectors, 'text')} in {1000 * seconds:.0f} ms, {dimension} numbers each{asked}"
