"""Changes of a stack whose previews are recorded: what is changed, and what Pulumi's digest of it is reduced to.

The stack has two collections: `docs`, protected, of the rows of `db.docs`, and `notes`, not protected, of `db.notes`.
"""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Callable
from typing import Any

FOLDER = pathlib.Path(__file__).parent
DIGESTS = FOLDER / "digests"
READ = {"oldState": ("parent", "inputs", "outputs", "initErrors"), "newState": ("parent", "inputs")}

Change = Callable[[Any, Any], Any]

KEYWORD = {"type": "keyword"}


def prepared(project: Any, world: Any) -> Any:
    """Returns the project with its two collections, before the first `up`."""
    world.sql("CREATE TABLE db.notes (id INT PRIMARY KEY, body TEXT)")
    world.sql("INSERT INTO db.notes VALUES (1, 'buy a kettle')")
    [docs] = project.blocks["collections"]
    source = {**docs["source"], "table": "db.notes"}
    docs = {**docs, "deletion_protection": True, "mapping": {**docs["mapping"], "kind": KEYWORD}}
    project.configure(collections=[docs, {**docs, "name": "notes", "source": source, "deletion_protection": False}])
    return project


def docs(**changes: Any) -> Change:
    """A change of `docs`."""

    def change(project: Any, world: Any) -> None:
        first, *others = project.blocks["collections"]
        project.configure(collections=[{**first, **changes}, *others])

    return change


def mapping(**changes: Any) -> Change:
    """A change of the mapping of `docs`; None takes a field out."""

    def change(project: Any, world: Any) -> None:
        merged = {**project.blocks["collections"][0]["mapping"], **changes}
        docs(mapping={name: field for name, field in merged.items() if field is not None})(project, world)

    return change


def embedding(**changes: Any) -> Change:
    """A change of the embedding model."""
    return lambda project, world: project.embedding(**changes)


def collections(pick: Callable[..., list[Any]]) -> Change:
    """Other collections, from those there are."""
    return lambda project, world: project.configure(collections=pick(*project.blocks["collections"]))


def key(project: Any, world: Any) -> None:
    project.secret("embeddingApiKey", "sk-other-0123456789")


def field_added(project: Any, world: Any) -> None:
    source = {"table": "db.docs", "columns": {"id": "INT", "body": "TEXT", "note": "VARCHAR(50)"}, "primary_key": "id"}
    docs(source=source, fields={"id": "id", "text": "body", "note": "note"})(project, world)
    mapping(note=KEYWORD)(project, world)


def field_removed(project: Any, world: Any) -> None:
    docs(fields={"text": "body"}, revision=2)(project, world)
    mapping(id=None)(project, world)


def new_table(project: Any, world: Any) -> None:
    first, second = project.blocks["collections"]
    source = {"table": "db.more", "columns": {"id": "INT", "body": "TEXT"}, "primary_key": "id"}
    project.configure(collections=[first, second, {**second, "name": "more", "source": source}])


def several(project: Any, world: Any) -> None:
    key(project, world)
    embedding(dimension=128)(project, world)
    docs(replicas=2, search={"weights": [0.5, 0.5]}, deletion_protection=False)(project, world)
    new_table(project, world)
    collections(lambda first, second, third: [first, third])(project, world)


CONFIGURED: dict[str, Change] = {
    "nothing": docs(),
    "key": key,
    "url": embedding(url="https://embeddings.test/v1/embeddings"),
    "model": embedding(model="hashing-large", dimension=128),
    "dimension": embedding(dimension=128),
    "same-dimension": embedding(model="hashing-large"),
    "batch-size": embedding(batch_size=5),
    "document-prefix": embedding(document_prefix="passage: "),
    "query-prefix": embedding(query_prefix="query: "),
    "trust-widened": embedding(trusted_pattern="^http://.*$"),
    "private-address": embedding(private_address=True),
    "field-mapped": mapping(note=KEYWORD),
    "field-added": field_added,
    "field-removed": field_removed,
    "field-changed": mapping(kind={"type": "text"}),
    "vector-method": mapping(vector={"type": "knn_vector", "method": {"engine": "lucene", "name": "hnsw"}}),
    "long-texts": docs(texts={"vector": {"labels": True}}),
    "shards": docs(shards=2),
    "replicas": docs(replicas=2),
    "settings": docs(settings={"refresh_interval": "2s"}),
    "weights": docs(search={"weights": [0.5, 0.5]}),
    "revision": docs(revision=2),
    "backend": docs(sync={"backend": "search_view"}),
    "prune": docs(sync={"prune": True}),
    "protection-off": docs(deletion_protection=False),
    "collection-new": new_table,
    "collection-renamed": collections(lambda docs, notes: [docs, {**notes, "name": "memos"}]),
    "collection-removed": collections(lambda docs, notes: [docs]),
    "collection-removed-protected": collections(lambda docs, notes: [notes]),
    "several": several,
    "mistakes": docs(shards=0, replicas=-1),
}
"""Changes of the configuration of a stack that is up, by what is changed."""


def model_undeployed(project: Any, world: Any) -> None:
    world.search("POST", f"/_plugins/_ml/models/{project.outputs()['model_id']}/_undeploy")


def pipeline_edited(project: Any, world: Any) -> None:
    index = project.outputs()["collections"]["docs"]["index"]
    world.search("PUT", f"/_ingest/pipeline/{index}", {"processors": []})


def link_dropped(project: Any, world: Any) -> None:
    world.sql("CALL dbms_etl.drop_sync_link(%s)", project.resource("search-notes-link")["outputs"]["link"])


def index_deleted(project: Any, world: Any) -> None:
    world.search("DELETE", f"/{project.outputs()['collections']['notes']['index']}")


def rows_truncated(project: Any, world: Any) -> None:
    world.sql("TRUNCATE TABLE db.notes")


DRIFTED: dict[str, Change] = {
    "drift-model": model_undeployed,
    "drift-pipeline": pipeline_edited,
    "drift-link": link_dropped,
    "drift-index": index_deleted,
    "drift-documents": rows_truncated,
}
"""What somebody does to the services behind a stack that is up, by what is hit."""


def digest_of(printed: str) -> dict[str, Any]:
    """Returns the digest without what is never read, and without the ports of this run."""
    whole = json.loads(re.sub(r"(127\\*\.0\\*\.0\\*\.1):\d+", r"\1:9200", printed))
    kept = {key: value for key, value in whole.items() if key != "duration"}
    return {**kept, "steps": [_reduced(step) for step in whole["steps"]]}


def _reduced(step: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in step.items() if key not in ("provider", *READ)}
    sides = ("oldState",) if step["op"] == "refresh" else tuple(READ)
    states = {side: step[side] for side in sides if side in step}
    return {**kept, **{side: {key: state[key] for key in READ[side] if key in state} for side, state in states.items()}}


def written(digest: dict[str, Any]) -> str:
    """Returns a digest as it is stored: a step on each line."""
    rest = {key: value for key, value in digest.items() if key != "steps"}
    steps = ",\n".join(json.dumps(step, ensure_ascii=False) for step in digest["steps"])
    return f'{json.dumps(rest, ensure_ascii=False)[:-1]}, "steps": [\n{steps}\n]}}\n'


def write_digest(name: str, digest: dict[str, Any]) -> None:
    (DIGESTS / f"{name}.json").write_text(written(digest), encoding="utf-8")


def read_recorded(name: str) -> dict[str, Any]:
    digest: dict[str, Any] = json.loads((DIGESTS / f"{name}.json").read_text(encoding="utf-8"))
    return digest
