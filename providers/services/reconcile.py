"""What an index and its rows disagree about: documents that have no row, and documents whose text has no vector.

AutoETL sees neither a TRUNCATE nor a pipeline that was emptied for a while. Counts tell whether there is anything to
look for; only then are the documents looked for. Each is written or deleted only as it was seen (`if_seq_no`), so that
a row that changes meanwhile keeps its document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as urlquote

from providers.kit import ApiError, Json, SqlError, pluralize

from .backfill import PAGE, THREADS, BackfillSource, has_vector
from .sqltext import quote

if TYPE_CHECKING:
    from .http import SearchClient
    from .sql import Database

MOST = 1000
"""Documents that are looked for, and repaired, in one run."""

LISTED = 10_000
"""Keys that fit into one query; larger tables are gone through by ranges of a whole number."""

CONFLICT = 409
NO_WHITE_SPACE = "\u0085\u00a0\u2007\u202f"
"""White space to Python, and not to Java."""

MATCH_ALL: Json = {"match_all": {}}


@dataclass(frozen=True)
class IndexedRows:
    """The rows that fill an index.

    `texts` maps each text field to its vector field. `key_field` is the field that holds the key, where it is a whole
    number.
    """

    index: str
    source: BackfillSource
    texts: Mapping[str, str]
    key_field: str | None = None


@dataclass(frozen=True)
class Document:
    """A document as it was seen."""

    id: str
    number: int
    term: int
    source: Json | None = None


@dataclass(frozen=True)
class Disagreement:
    """`strays` have no row; of `without_vector`, by text field, there are so many. `excess` documents are too many."""

    excess: int = 0
    strays: Sequence[Document] = ()
    without_vector: Mapping[str, int] = field(default_factory=dict)

    def described(self, *, prune: bool) -> str:
        """Returns what is wrong and what to do, on one line; empty where nothing is."""
        return "; ".join([*self._about_vectors(), *self._about_strays(prune)])

    def _about_vectors(self) -> Iterator[str]:
        for text, count in self.without_vector.items():
            if count:
                yield f"{pluralize(count, 'document')} whose {text} has no vector: `pulumi up` embeds them again"

    def _about_strays(self, prune: bool) -> Iterator[str]:
        if self.strays:
            ids = ", ".join(each.id for each in self.strays[:3])
            more = f" and {len(self.strays) - 3} more" if len(self.strays) > 3 else ""
            then = "`pulumi up` deletes them" if prune else "`sync.prune: true` and `pulumi up` delete them"
            yield f"{pluralize(len(self.strays), 'document')} without a row ({ids}{more}): {then}"
        elif self.excess:
            yield (
                f"{pluralize(self.excess, 'document')} more than rows, which cannot be told apart by this key: another "
                f"`revision` builds the index without them"
            )


def disagreement(search: SearchClient, database: Database, rows: IndexedRows, *, listed: int = LISTED) -> Disagreement:
    """Returns what an index and its rows disagree about; a table that cannot be asked agrees. Raises ApiError.

    Up to `listed` keys are asked about at once.
    """
    relation, values = rows.source.relation()
    try:  # rows are counted first: one that is written meanwhile is no document too many
        [counted] = database.query(f"SELECT COUNT(*) AS n FROM {relation}", values)
    except SqlError:
        return Disagreement()
    documents, without_vector = _counts(search, rows)
    without_vector = {
        text: len(_without_vector(search, rows, text)) if count else 0 for text, count in without_vector.items()
    }
    excess = max(0, documents - int(counted["n"]))
    at_once = int(counted["n"]) <= listed
    strays = tuple(_strays(search, database, rows, at_once=at_once)) if excess else ()
    return Disagreement(excess, strays, without_vector)


def embed_again(search: SearchClient, rows: IndexedRows) -> int:
    """Writes documents whose text has no vector again, through the index's pipeline; returns how many."""
    found = {each.id: each for text in rows.texts for each in _without_vector(search, rows, text)}
    return _each(found.values(), lambda each: search.put(_place(rows.index, each), each.source or {}, idempotent=True))


def is_blank(text: Any) -> bool:
    """Tells whether a text is not embedded: empty, or nothing but what Java calls white space."""
    return isinstance(text, str) and all(each.isspace() and each not in NO_WHITE_SPACE for each in text)


def delete_strays(search: SearchClient, index: str, strays: Sequence[Document]) -> int:
    """Deletes documents as they were seen; returns how many."""
    return _each(strays, lambda each: search.delete(_place(index, each)))


def _counts(search: SearchClient, rows: IndexedRows) -> tuple[int, dict[str, int]]:
    """Returns the number of documents, and by text field of those without their vector. One request."""
    lacking = {text: {"filter": _lacking(text, vector)} for text, vector in rows.texts.items()}
    body = {"size": 0, "aggs": {"documents": {"filter": MATCH_ALL}, **lacking}}
    counted = search.find(rows.index, body)["aggregations"]
    return counted["documents"]["doc_count"], {text: counted[text]["doc_count"] for text in rows.texts}


def _without_vector(search: SearchClient, rows: IndexedRows, text: str) -> list[Document]:
    """Returns documents whose text has no vector; a blank text that is kept in its document needs none."""
    query = _lacking(text, rows.texts[text])
    found = _documents(search, rows.index, {"size": MOST, "query": query, "seq_no_primary_term": True})
    return [each for each in found if not is_blank(_value_at(each.source, text))]


def _value_at(source: Any, path: str) -> Any:
    """Returns what a document has at a path, as `a.b`, or under that name."""
    if not isinstance(source, Mapping) or path in source:
        return source.get(path) if isinstance(source, Mapping) else None
    first, _, rest = path.partition(".")
    return _value_at(source.get(first), rest) if rest else None


def _lacking(text: str, vector: str) -> Json:
    return {"bool": {"filter": [{"exists": {"field": text}}], "must_not": [has_vector(vector)]}}


def _strays(search: SearchClient, database: Database, rows: IndexedRows, *, at_once: bool) -> Iterator[Document]:
    """Yields documents without a row, as far as the key tells them apart."""
    if rows.source.key is None or not (at_once or rows.key_field):
        return
    parts = [(_keys(database, rows, "", []), MATCH_ALL)] if at_once else _ranges(database, rows)
    found = (each for keys, within in parts for each in _outside(search, rows.index, keys, within))
    seen = list(islice(found, MOST))
    there = _there(database, rows, [each.id for each in seen])
    yield from (each for each in seen if each.id not in there)


def _outside(search: SearchClient, index: str, keys: Sequence[str], within: Json) -> Iterator[Document]:
    """Yields documents in a range that have none of these keys."""
    query = {"filter": [within], "must_not": [{"ids": {"values": keys}}]}
    body = {"size": MOST, "_source": False, "seq_no_primary_term": True, "query": {"bool": query}}
    yield from _documents(search, index, body)


def _ranges(database: Database, rows: IndexedRows) -> Iterator[tuple[Sequence[str], Json]]:
    """Yields every key, a page at a time, and the range of the key's field that has no others."""
    after: dict[str, str] = {}
    keys = _keys(database, rows, f"LIMIT {PAGE}", [])
    while len(keys) == PAGE:
        yield keys, {"range": {str(rows.key_field): {**after, "lte": keys[-1]}}}
        after = {"gt": keys[-1]}
        keys = _keys(database, rows, f"LIMIT {PAGE}", [keys[-1]])
    yield keys, {"range": {str(rows.key_field): after}} if after else MATCH_ALL


def _keys(database: Database, rows: IndexedRows, limit: str, after: Sequence[str]) -> list[str]:
    key, (relation, values) = quote(rows.source.key or ""), rows.source.relation()
    where = f"WHERE {key} > %s " if after else ""
    found = database.query(f"SELECT {key} AS k FROM {relation} {where}ORDER BY {key} {limit}", [*values, *after])
    return [str(row["k"]) for row in found]


def _there(database: Database, rows: IndexedRows, keys: Sequence[str]) -> frozenset[str]:
    """Returns those of the keys that have a row now."""
    key, (relation, values) = quote(rows.source.key or ""), rows.source.relation()
    pages = (keys[at : at + PAGE] for at in range(0, len(keys), PAGE))
    marked = (
        (f"SELECT {key} AS k FROM {relation} WHERE {key} IN ({', '.join(['%s'] * len(page))})", page) for page in pages
    )
    return frozenset(str(row["k"]) for sql, page in marked for row in database.query(sql, [*values, *page]))


def _documents(search: SearchClient, index: str, body: Json) -> Iterator[Document]:
    for hit in search.find(index, body)["hits"]["hits"]:
        yield Document(hit["_id"], hit["_seq_no"], hit["_primary_term"], hit.get("_source"))


def _place(index: str, document: Document) -> str:
    """Returns the document's path, for a write that is refused once it has changed."""
    seen = f"if_seq_no={document.number}&if_primary_term={document.term}"
    return f"/{index}/_doc/{urlquote(document.id, safe='')}?{seen}"


def _each(documents: Iterable[Document], write: Callable[[Document], Any]) -> int:
    """Writes documents, a few at a time; returns how many. One that has changed since it was seen is left alone."""
    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(lambda each: _unless_changed(write, each), documents))


def _unless_changed(write: Callable[[Document], Any], document: Document) -> bool:
    try:
        write(document)
    except ApiError as error:
        if error.status not in (404, CONFLICT):
            raise
        return False
    return True
