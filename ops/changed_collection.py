"""What a preview means for one collection: another generation and why, what changes in place, what is lost. Pure.

The kinds and `components.generation` decide what is replaced; this says what searches notice of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from components.generation import collection_of
from ops.digest import COLLECTION, Step
from ops.figures import Figures
from ops.sentences import Sentence, alarm, code, escaped, plain
from providers.kit import pluralize

SWITCH = "searches are served from the old one until it is full, then one atomic switch"


@dataclass(frozen=True)
class Part:
    """The steps of one collection, by kind."""

    name: str
    steps: Mapping[str, Step] = field(default_factory=dict)

    def get(self, kind: str) -> Step:
        """The step of a kind; one that changes nothing where there is none."""
        return self.steps.get(kind) or Step("same", kind, "", "", "", {}, {})

    @property
    def index(self) -> Step:
        """The step of its index."""
        return self.get("Index")

    @property
    def is_new(self) -> bool:
        """Whether it comes with this change."""
        return self.get(COLLECTION).op == "create"

    @property
    def embeds(self) -> bool:
        """Whether every row is embedded."""
        return self.index.op in ("create", "replace")

    @property
    def source(self) -> Any:
        """The rows that fill it, and what is embedded of them."""
        cutover = self.get("Alias").value("cutover") or {}
        return {name: cutover.get(name) for name in ("table", "query", "fields", "vector_fields")}


@dataclass(frozen=True)
class Circumstances:
    """What a collection's sentences depend on beside its steps: why its vectors change, what was counted, the rows from
    which on embedding is a warning, and new names by old ones.
    """

    model: str = ""
    figures: Figures | None = None
    many: int = 0
    renamed: Mapping[str, str] = field(default_factory=dict)


def collections_of(steps: Sequence[Step]) -> list[Part]:
    """Returns the collections that change, in order of their names."""
    grouped: dict[str, dict[str, Step]] = {}
    for step in steps:
        if step.kind == COLLECTION or step.parent_kind == COLLECTION:
            component = step.name if step.kind == COLLECTION else step.parent
            grouped.setdefault(component, {})[step.kind] = step
    parts = [Part(_called(component, found), found) for component, found in grouped.items()]
    return sorted(parts, key=lambda part: part.name)


def _called(component: str, steps: Mapping[str, Step]) -> str:
    """Returns the collection's name, which is its alias's, and part of the names of all that is behind it."""
    found = [str(steps[kind].value(name)) for kind, name in NAMED if kind in steps and steps[kind].value(name)]
    if "Alias" in steps and found:
        return found[0]
    return next(filter(None, map(collection_of, found)), component)


NAMED = (
    ("Alias", "name"),
    ("Index", "name"),
    ("IngestPipeline", "name"),
    ("SearchPipeline", "name"),
    ("SyncLink", "index"),
)
"""Where the collection's name is."""


def renamed(parts: Sequence[Part]) -> dict[str, str]:
    """Returns new names by old ones: of collections that go and come with the same rows."""
    gone = [part for part in parts if part.index.op == "delete"]
    new = [part for part in parts if part.is_new]
    return {old.name: each.name for old in gone for each in new if old.source == each.source != Part("").source}


def collection_sentences(part: Part, given: Circumstances) -> list[Sentence]:
    """Returns what happens to a collection."""
    if part.index.op == "delete":
        return _destroyed(part, given)
    if part.is_new:
        return _created(part, given)
    if part.index.op == "replace":
        return [*_generation(part, given), *_in_place(part, IN_PLACE, "with"), *protection(part.index)]
    return [
        *_in_place(part, [*IN_PLACE, *ONLY_IN_PLACE], "in place:"),
        *_repaired(part, given),
        *protection(part.index),
    ]


def _destroyed(part: Part, given: Circumstances) -> list[Sentence]:
    figures, to = given.figures or Figures(), given.renamed.get(part.name)
    moved = f" once {code(to)} is made of the same rows; searches for {code(part.name)} fail from then on" if to else ""
    if part.index.old.get("deletion_protection"):
        refused = "refused by deletion protection" + ("" if figures.documents else " if there are any")
        return [alarm(f"is destroyed{moved}: {figures.documents_text}, {refused}")]
    return [alarm(f"is destroyed{moved}: {figures.documents_text}, not protected", loses=not to)]


def _created(part: Part, given: Circumstances) -> list[Sentence]:
    index = str(part.index.value("name"))
    if not collection_of(index):  # a name that a person gave
        return [plain(f"{code(index)}, which was adopted, is taken over as it is, and no row of it is embedded again")]
    old = next((old for old, new in given.renamed.items() if new == part.name), None)
    what = f"the new name of {code(old)}, built anew" if old else "a new collection"
    table = code(part.source["table"])
    source = f"a query over {table} and others" if part.source["query"] else table
    return [plain(f"{what}: filled from {source}, {_embedded(given.figures, 'to embed')}"), *_many(given)]


def _generation(part: Part, given: Circumstances) -> list[Sentence]:
    why = "; ".join(filter(None, [given.model, *_reasons(part)])) or "another `revision`"
    built = f"{why}: a new generation beside the old, {_embedded(given.figures, 'to embed again')}; {SWITCH}"
    return [plain(built), *_many(given)]


def _embedded(figures: Figures | None, verb: str) -> str:
    return f"{figures.rows_text} {verb}{figures.effort_text}" if figures else f"every row {verb}"


def _many(given: Circumstances) -> list[Sentence]:
    if given.figures is None or (given.figures.rows or 0) < given.many:
        return []
    return [alarm(f"{given.figures.rows_text} are embedded, {given.many:,} or more")]


def _reasons(part: Part) -> Iterator[str]:
    """Yields why another generation is built, but for the model."""
    index, link, pipeline = part.index, part.get("SyncLink"), part.get("IngestPipeline")
    if "shards" in index.changed:
        yield f"{pluralize(index.new.get('shards', 1), 'shard')} instead of {index.old.get('shards', 1)}"
    yield from chain.from_iterable(reason(link) for reason in (_backend, _rows))
    yield from _fields(index, link)
    yield from _vectors(index)
    if any(path.startswith("mapping") for path in index.paths):
        yield "other parameters of the mapping"
    if pipeline.changed & {"before", "after", "field_map"}:
        yield "other texts or processors before the embedding"


def _backend(link: Step) -> Iterator[str]:
    if "backend" in link.changed:
        yield f"another sync backend ({code(link.old.get('backend'))} → {code(link.new.get('backend'))})"


def _rows(link: Step) -> Iterator[str]:
    if "query" in link.changed:
        yield "another query"
    elif "table" in link.changed:
        yield f"another table ({code(link.old.get('table'))} → {code(link.new.get('table'))})"
    if "key" in link.changed:
        yield "another key"


def _fields(index: Step, link: Step) -> Iterator[str]:
    """Yields fields that come, go, or are filled or mapped in another way."""
    old, new = _declared(index.old, link.old), _declared(index.new, link.new)
    changes = {
        "field {} is added": [name for name in new if name not in old],
        "field {} is removed": [name for name in old if name not in new],
        "field {} is filled or mapped in another way": [n for n in new if n in old and new[n] != old[n]],
    }
    for text, names in changes.items():
        yield from (text.format(code(name)) for name in names)


def _declared(index: Mapping[str, Any], link: Mapping[str, Any]) -> dict[str, Any]:
    mapped, columns = index.get("properties") or {}, link.get("fields") or {}
    return {name: (mapped.get(name), columns.get(name)) for name in [*mapped, *columns]}


def _vectors(index: Step) -> Iterator[str]:
    """Yields vector fields that come or go, or are searched by another method; their length follows the model."""
    old, new = index.old.get("vectors") or {}, index.new.get("vectors") or {}
    yield from (f"vectors {code(name)} are added" for name in new if name not in old)
    yield from (f"vectors {code(name)} are removed" for name in old if name not in new)
    for name in sorted(old.keys() & new.keys()):
        if told := [each for each in new[name] if each in METHOD and new[name][each] != old[name].get(each)]:
            values = ", ".join(f"{each} {code(old[name].get(each))} → {code(new[name][each])}" for each in told)
            yield f"another vector method ({values})"


METHOD = ("engine", "method", "space_type", "parameters", "mode", "compression_level")


Told = Callable[[Step], str]

IN_PLACE: Sequence[tuple[str, str, Told]] = [
    ("Index", "replicas", lambda step: pluralize(step.new.get("replicas", 1), "replica")),
    ("Index", "settings", lambda step: _settings(step)),
    ("SearchPipeline", "weights", lambda step: _weights(step)),
    ("SearchPipeline", "normalization", lambda step: f"normalization {code(step.new.get('normalization'))}"),
    ("SearchPipeline", "combination", lambda step: f"combination {code(step.new.get('combination'))}"),
    ("IngestPipeline", "batch_size", lambda step: f"batches of {step.new.get('batch_size') or 1}"),
    ("Alias", "prune", lambda step: f"`prune` {'on' if step.new.get('prune') else 'off'}"),
    ("SyncLink", "drop_procedure", lambda step: "another `drop_procedure`"),
]
"""What changes in place, by kind and property, in a generation that stays or in one that comes."""

ONLY_IN_PLACE: Sequence[tuple[str, str, Told]] = [
    ("Index", "properties", lambda step: ", ".join(_fields(step, Step("same", "", "", "", "", {}, {})))),
    ("Index", "mapping", lambda step: "parameters of the mapping"),
    ("IngestPipeline", "before", lambda step: "texts are cut or prepared in another way, from now on"),
    ("IngestPipeline", "after", lambda step: "processors after the embedding, from now on"),
    ("SearchPipeline", "request_processors", lambda step: "processors of requests"),
    ("SearchPipeline", "phase_results_processors", lambda step: "processors of scores"),
    ("SearchPipeline", "response_processors", lambda step: "processors of answers"),
    ("SearchPipeline", "model_id", lambda step: "queries are embedded by another model"),
    ("IngestPipeline", "description", lambda step: "a description"),
    ("SearchPipeline", "description", lambda step: "a description"),
    ("Alias", "index", lambda step: "the alias moves on to the generation that is being filled, once that is full"),
    ("Alias", "cutover", lambda step: "when the alias may move"),
]


def _in_place(part: Part, table: Sequence[tuple[str, str, Told]], how: str) -> list[Sentence]:
    steps = [(part.get(kind), name, told) for kind, name, told in table]
    found = [told(step) for step, name, told in steps if name in step.changed and not step.drifted]
    places = [plain(f"{how} {', '.join(dict.fromkeys(filter(None, found)))}")] if found else []
    alias = part.get("Alias")
    pruned = "prune" in alias.changed and alias.new.get("prune")
    return [*places, *([alarm("documents that have no row are deleted from now on")] if pruned else [])]


def _weights(step: Step) -> str:
    weights = step.new.get("weights")
    return "no weights" if weights is None else "weights {} of words, {} of meaning".format(*weights)


def _settings(step: Step) -> str:
    old, new = step.old.get("settings") or {}, step.new.get("settings") or {}
    given = [code(f"{name}: {value}") for name, value in new.items() if old.get(name) != value]
    return ", ".join([*given, *(f"{code(name)} as by default" for name in old if name not in new)])


def _repaired(part: Part, given: Circumstances) -> Iterator[Sentence]:
    """Yields the drift. Without a refresh only what is gone, or known to be wrong, shows."""
    if gone := [CALLED[kind] for kind, step in part.steps.items() if step.op == "create" and kind in CALLED]:
        loaded = f", with {_embedded(given.figures, 'to embed again')}" if {"index", "sync link"} & set(gone) else ""
        what = f"{' and '.join(gone)} {'is' if len(gone) == 1 else 'are'}"
        yield plain(f"drift repaired: the {what} gone, and made again{loaded}")
    for kind, step in part.steps.items():
        if kind == "SyncLink" and "index" in gone:
            continue
        if step.problems:
            yield from (plain(f"{SEEN.get(kind, 'drift repaired')}: {escaped(problem)}") for problem in step.problems)
        elif step.drifted and step.op in ("update", "replace"):
            yield plain(
                f"drift repaired: the {CALLED.get(kind, kind)} was changed by somebody, and is as declared again"
            )


SEEN = {"Alias": "drift"}
"""What is said of drift that `up` may leave as it is: documents without a row stay, unless `prune` is on."""


CALLED = {
    "Index": "index",
    "SyncLink": "sync link",
    "Alias": "alias",
    "IngestPipeline": "ingest pipeline",
    "SearchPipeline": "search pipeline",
}


def protection(step: Step) -> list[Sentence]:
    """Returns what is said of deletion protection, where that changes."""
    if "deletion_protection" not in step.changed or step.op not in ("update", "replace"):
        return []
    if step.new.get("deletion_protection"):
        return [plain("deletion protection is on")]
    if step.kind == "SourceTable" and not step.old.get("uid"):
        return [plain("deletion protection is off; a table that was there before is never dropped anyway")]
    whose = "rows" if step.kind == "SourceTable" else "documents"
    return [alarm(f"deletion protection is off: a destroy, or taking it out of the configuration, deletes {whose}")]
