"""The pages: one to search, one to edit a row and find it again. Without JavaScript they do the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Flask, Request, Response, make_response, render_template, request

from . import edits, queries, state
from .hits import Hit, shown
from .queries import MODES, NO_FILTERS, Fields, Filters, Mode
from .rows import Editable, Row, Rows
from .search import Problem, Search, tried
from .sentences import SENTENCES, Language
from .settings import Collection, Settings

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Column:
    """One list of the page: what a search of one mode found, or why it did not."""

    mode: Mode
    hits: Sequence[Hit] = ()
    problem: Problem | None = None


@dataclass(frozen=True)
class Asked:
    """What a request asks for."""

    collection: Collection
    text: str
    view: str
    language: Language

    @property
    def modes(self) -> Sequence[Mode]:
        """The searches of the page."""
        return [mode for mode in MODES if self.view in ("all", mode)]


@dataclass
class Found:
    """What the services answered: as much as there is."""

    fields: Fields = field(default_factory=Fields)
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    filters: Filters = NO_FILTERS
    state: state.State | None = None
    columns: Sequence[Column] = ()
    problems: list[Problem] = field(default_factory=list)


def application(settings: Settings) -> Flask:
    """Returns the application."""
    app = Flask(__name__)
    app.config["TRUSTED_HOSTS"] = ["127.0.0.1", "localhost"]  # it listens on loopback: no other name is its own
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    search, rows = Search(settings.service), Rows(settings.database) if settings.database else None
    app.extensions["search"] = search  # whoever ends the application closes it

    @app.get("/")
    def page() -> Response:
        asked = read(request, settings)
        found = answer(search, rows, asked, request.args)
        return rendered("search.html", asked, settings, 502 if failed(found) else 200, found=found)

    @app.route("/edit/<name>/<key>", methods=["GET", "POST"])
    def edit(name: str, key: str) -> Response:
        asked = read(request, settings, name)
        if name not in settings.collections or rows is None:
            return rendered("problem.html", asked, settings, 404, problems=[Problem("no_page")])
        if request.method == "POST" and not is_own(request):
            return rendered("problem.html", asked, settings, 403, problems=[Problem("other_site")])
        try:
            values = edited(search, rows, asked.collection, key, request)
        except Problem as problem:
            return rendered("problem.html", asked, settings, 502, problems=[problem])
        return rendered("edit.html", asked, settings, 200, key=key, **values)

    @app.errorhandler(404)
    def missing(_: Exception) -> Response:
        return rendered("problem.html", read(request, settings), settings, 404, problems=[Problem("no_page")])

    return app


def read(request: Request, settings: Settings, name: str | None = None) -> Asked:
    """Returns what a request asks for; what it does not say, or says wrong, is the default."""
    known = settings.collections
    collection = known.get(name or request.args.get("in", "")) or default_collection(known)
    view = request.args.get("view", "all")
    chosen = request.args.get("lang") or request.accept_languages.best_match(["en", "zh", "zh-CN", "zh-TW"]) or "en"
    language: Language = "zh" if chosen.startswith("zh") else "en"
    return Asked(collection, request.args.get("q", "").strip(), view if view in MODES else "all", language)


def default_collection(known: Mapping[str, Collection]) -> Collection:
    """Returns the collection of a page that names none: the last one, as the outputs list them."""
    return list(known.values())[-1]


def answer(search: Search, rows: Rows | None, asked: Asked, parameters: Mapping[str, str]) -> Found:
    """Asks the services everything that a page shows."""
    found, collection = Found(), asked.collection
    index = tried(lambda: search.index(collection))
    if isinstance(index, Problem):
        found.problems.append(index)
        return found
    name, found.fields = index
    found.filters, wrong = queries.chosen_filters(found.fields, parameters)
    found.problems += [Problem("not_a_number", {"field": each}) for each in wrong]
    with ThreadPoolExecutor() as pool:
        looked = pool.submit(tried, lambda: state.look(search, rows, collection, name))
        values = pool.submit(tried, lambda: search.values(collection, found.fields))
        found.columns = list(
            pool.map(lambda mode: column(search, asked, found, mode), asked.modes if asked.text else ())
        )
    _add(found, looked.result(), values.result())
    return found


def _add(found: Found, looked: state.State | Problem, values: Mapping[str, Sequence[str]] | Problem) -> None:
    problems = [each for each in (looked, values) if isinstance(each, Problem)]
    if not isinstance(looked, Problem):
        found.state = looked
        problems += [looked.problem] if looked.problem else []
    if not isinstance(values, Problem):
        found.values = values
    found.problems += {each.sentence: each for each in problems}.values()


def column(search: Search, asked: Asked, found: Found, mode: Mode) -> Column:
    """Returns one list of the page."""
    body = queries.body(asked.collection.hybrid, mode, asked.text, found.filters)
    hits = tried(lambda: search.hits(asked.collection, body))
    if isinstance(hits, Problem):
        return Column(mode, problem=hits)
    return Column(mode, shown(hits, found.fields, asked.text))


def failed(found: Found) -> bool:
    """Whether nothing at all was answered."""
    return found.state is None or (bool(found.columns) and all(each.problem for each in found.columns))


def edited(search: Search, rows: Rows, collection: Collection, key: str, request: Request) -> Mapping[str, Any]:
    """Returns what the page of a row shows; a POST changes the row and waits until it is found. Raises Problem."""
    index, _ = search.index(collection)
    table, row, document = editable_row(search, rows, collection, index, key)
    columns = edits.in_document(row, document)
    row = {name: row[name] for name in columns}
    shown: dict[str, Any] = {"table": f"{table.source.schema}.{table.source.table}", "row": row}
    if request.method != "POST":
        return shown
    values = edits.changed(row, request.form)
    if not values:
        return {**shown, "said": "unchanged"}
    return {**shown, "row": {**row, **values}, **saved(search, rows, collection, table, key, values)}


def editable_row(
    search: Search, rows: Rows, collection: Collection, index: str, key: str
) -> tuple[Editable, Row, Mapping[str, Any]]:
    """Returns a table, a row of it and that row's document. Raises Problem."""
    source = rows.source(index)
    table = rows.editable(source) if source else None
    row = rows.row(table, key) if table else None
    document = search.document(collection, key)
    if table is None or row is None or document is None:
        raise Problem("no_row")
    return table, row, document


def saved(
    search: Search, rows: Rows, collection: Collection, table: Editable, key: str, values: Mapping[str, str]
) -> Mapping[str, Any]:
    """Changes a row, waits until its document has the new texts, and searches for them by meaning. Raises Problem."""
    rows.write(table, key, values)
    seconds = edits.seconds_until(lambda: edits.is_there(values, search.document(collection, key)))
    if seconds is None:
        return {"said": "not_yet", "seconds": f"{edits.PATIENCE:.0f}"}
    text = max(values.values(), key=len)
    hits = search.hits(collection, queries.body(collection.hybrid, "meaning", text)) if text.strip() else []
    place = next((at for at, hit in enumerate(hits, 1) if hit["_id"] == key), None)
    return {"said": "found_after", "seconds": f"{seconds:.1f}", "place": place, "text": text}


def is_own(request: Request) -> bool:
    """Whether a form was sent from a page of this application: browsers say which site sent it."""
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host


def rendered(template: str, asked: Asked, settings: Settings, status: int, **values: Any) -> Response:
    """Returns a page in the language that was asked for."""
    sentences = SENTENCES[asked.language]

    def say(name: str, **inserted: Any) -> str:
        return sentences[name].format(**inserted)

    def link(**changes: str) -> str:
        return "/?" + urlencode({name: value for name, value in {**request.args.to_dict(), **changes}.items() if value})

    page = render_template(
        template, say=say, link=link, asked=asked, collections=settings.collections, views=["all", *MODES],
        parameters=request.args, explain=lambda problem: say(problem.sentence, **problem.values), **values,
    )  # fmt: skip
    response = make_response(page, status)
    response.headers.update(HEADERS)
    return response
