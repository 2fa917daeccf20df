"""What the pages say where a service does not answer, and that nothing of a request or a document becomes markup."""

from __future__ import annotations

import json
import re

import httpx
import pytest
import respx

from examples.search_app.pages import application
from examples.search_app.sentences import SENTENCES
from examples.search_app.settings import Collection, Service, Settings

HYBRID = (
    '{"size":10,"_source":{"excludes":["v"]},"query":{"hybrid":{"queries":'
    '[{"match":{"text":{{text}}}},{"neural":{"v":{"query_text":{{text}},"k":10}}}]}}}'
)
SERVICE = Service("http://search.test", "reader", "hush-hush", timeout=3)
MAPPING = {"docs_1": {"mappings": {"properties": {"text": {"type": "text"}, "kind": {"type": "keyword"}}}}}


def hits(*sources):
    return {"hits": {"hits": [{"_index": "docs_1", "_id": str(at), "_score": 1, "_source": each}
                              for at, each in enumerate(sources)]}}  # fmt: skip


@pytest.fixture
def search():
    """A search service that answers; a test changes an answer."""
    with respx.mock(base_url="http://search.test", assert_all_called=False) as router:
        router.get("/docs/_mapping", name="mapping").respond(json=MAPPING)
        router.post("/docs/_count", name="count").respond(json={"count": 2})
        router.post("/docs/_search", name="search").respond(json=hits({"text": "a mug", "kind": "cup"}))
        yield router


@pytest.fixture
def client(search):
    settings = Settings({"docs": Collection("docs", "docs", HYBRID)}, SERVICE)
    app = application(settings)
    yield app.test_client()
    app.extensions["search"].close()


def alerts(response):
    return [re.sub("<.*?>|&#\\d+;", "", each) for each in re.findall('role="alert">(.*?)</p>', response.text)]


def test_a_page_searches_each_way(client, search):
    assert client.get("/?q=mug").status_code == 200
    asked = [json.loads(call.request.content)["query"] for call in search["search"].calls]
    assert {next(iter(query)) for query in asked} == {"match", "neural", "hybrid", "match_all"}


NO_JSON = httpx.Response(200, text="<html>")


@pytest.mark.parametrize(
    ("route", "answer", "sentence"),
    [
        ("mapping", httpx.ConnectError("refused"), "PolarSearch does not answer at http://search.test (refused)."),
        ("mapping", httpx.ReadTimeout("late"), "No answer within 3 s"),
        ("mapping", httpx.Response(404, json={"error": {"reason": "no such index [docs]"}}), "The alias docs is gone:"),
        ("mapping", httpx.Response(401, text="Unauthorized"), "PolarSearch does not know the account reader: check"),
        ("mapping", NO_JSON, "What answers at http://search.test/ is no PolarSearch: check SEARCH_URL."),
        ("mapping", httpx.Response(503, json={"error": "red"}), "PolarSearch refused the search (HTTP 503: red)."),
        ("search", httpx.Response(403, json={"error": {"reason": "no"}}), "The account reader lacks a permission"),
        ("search", httpx.Response(500, json={"error": {"reason": "Connect timed out"}}), "The embedding model did not"),
    ],
)  # fmt: skip
def test_a_service_that_fails_is_a_sentence_with_what_to_do(client, search, route, answer, sentence):
    search[route].mock(side_effect=answer if isinstance(answer, Exception) else lambda _: answer)
    response = client.get("/?q=mug")
    assert response.status_code == 502
    assert alerts(response)[0].startswith(sentence)
    assert "hush" not in response.text


def test_with_a_slow_model_the_list_by_words_is_there(client, search):
    def slow(request):
        if b"neural" in request.content:
            raise httpx.ReadTimeout("late")
        return httpx.Response(200, json=hits({"text": "a mug"}))

    search["search"].mock(side_effect=slow)
    response = client.get("/?q=mug")
    assert (response.status_code, response.text.count('class="hit"'), len(alerts(response))) == (200, 1, 2)
    assert alerts(response)[0].startswith("No answer within 3 s: the cluster or its embedding model is slow.")


def test_a_query_that_was_embedded_while_the_alias_moved_is_asked_again(client, search):
    moved = httpx.Response(400, json={"error": {"reason": "Query vector has invalid dimension: 64"}})
    answers = [moved, *[httpx.Response(200, json=hits({"text": "a mug"}))] * 9]
    search["search"].mock(side_effect=lambda _: answers.pop(0))
    assert alerts(client.get("/?q=mug&view=meaning")) == []


def test_an_account_that_may_not_read_mappings_searches_without_filters(client, search):
    search["mapping"].respond(403, json={"error": {"reason": "no permissions for [indices:admin/mappings/get]"}})
    response = client.get("/?q=mug")
    assert (response.status_code, response.text.count('class="hit"'), alerts(response)) == (200, 3, [])


ATTACK = '"><script>alert(1)</script>{{7*7}}'


def test_nothing_of_a_request_or_a_document_becomes_markup(client, search):
    search["search"].respond(json=hits({"text": f"mug {ATTACK}", "kind": ATTACK}))
    response = client.get("/", query_string={"q": f"mug {ATTACK}", "in": ATTACK, "view": ATTACK, "is.kind": ATTACK})
    assert "<script>alert" not in response.text
    assert "49" not in response.text
    assert "<mark>mug</mark>" in response.text


def test_a_text_cannot_change_the_query(client, search):
    text = '"}}, "size": 0, "x": {"'
    client.get("/", query_string={"q": text, "view": "words"})
    bodies = [json.loads(call.request.content) for call in search["search"].calls]
    assert {"match": {"text": text}} in [body["query"] for body in bodies]


@pytest.mark.parametrize("path", ["/nothing", "/edit/docs/1", "/edit/other/1"])
def test_a_page_that_is_not_there_is_a_sentence(client, path):
    response = client.get(path)
    assert (response.status_code, alerts(response)) == (404, [SENTENCES["en"]["no_page"]])


def test_no_other_site_is_let_in(client):
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert client.get("/", headers={"Host": "evil.test"}).status_code == 400


@pytest.mark.parametrize(
    ("accepted", "query", "language"),
    [("en-GB", "", "en"), ("zh-CN,zh;q=0.9", "", "zh-Hans"), ("fr", "", "en"), ("zh", "?lang=en", "en")],
)
def test_the_language_is_the_one_asked_for_or_the_browsers(client, accepted, query, language):
    page = client.get(f"/{query}", headers={"Accept-Language": accepted}).text
    assert f'<html lang="{language}">' in page


def test_both_languages_have_every_sentence_with_the_same_values():
    values = {language: {name: set(re.findall(r"\{\w+\}", text)) for name, text in sentences.items()}
              for language, sentences in SENTENCES.items()}  # fmt: skip
    assert values["en"] == values["zh"]
