import operator
import socket

import httpx
import pytest

from providers.kit import ApiError, NotFound, Rejected, SearchStackError, Unavailable
from providers.services.http import SearchClient, post_elsewhere

LOST = httpx.ReadTimeout("no answer")
BROKEN = httpx.RemoteProtocolError("Server disconnected without sending a response.")
UNREACHABLE = httpx.ConnectError("connection refused")
UNTRUSTED = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate")
UNKNOWN_HOST = httpx.ConnectError("[Errno -2] Name or service not known")
UNKNOWN_FOR_NOW = httpx.ConnectError("[Errno -3] Temporary failure in name resolution")
FRESH_NODE = "The ML encryption master key has not been initialized yet. Please retry after waiting for 10 seconds."


def error(reason, status=400, **more):
    return {"error": {"root_cause": [], "type": "x", "reason": reason, **more}, "status": status}


@pytest.fixture
def version_route(api):
    """A service that answers `GET /` as PolarSearch does."""
    return api.get("/").respond(json={"version": {"number": "2.19.1"}})


GET = operator.methodcaller("get", "/x")
PUT = operator.methodcaller("put", "/x", {})
PUT_NEW = operator.methodcaller("put", "/x", {}, idempotent=False)
POST = operator.methodcaller("post", "/x")
DELETE = operator.methodcaller("delete", "/x")


@pytest.mark.parametrize(
    ("send", "failure", "sent"),
    [
        (GET, httpx.Response(502), 6),
        (PUT, httpx.Response(504), 6),
        (DELETE, LOST, 1),
        (DELETE, BROKEN, 6),
        (POST, BROKEN, 1),
        (POST, httpx.Response(503), 6),
        (POST, httpx.Response(429), 6),
        (POST, UNREACHABLE, 6),
        (POST, httpx.Response(404, json=error(FRESH_NODE)), 6),
        (POST, httpx.Response(502), 1),
        (POST, LOST, 1),
        (PUT_NEW, LOST, 1),
        (GET, httpx.Response(500), 1),
        (GET, UNTRUSTED, 1),
        (GET, UNKNOWN_HOST, 1),
        (GET, UNKNOWN_FOR_NOW, 6),
        (PUT, httpx.Response(400), 1),
    ],
)
def test_only_safe_requests_are_retried(api, client, send, failure, sent):
    route = api.route(path="/x").mock(side_effect=[failure] * 6)
    with pytest.raises(SearchStackError):
        send(client)
    assert route.call_count == sent


def test_an_idempotent_post_is_retried_after_a_lost_answer(api, client):
    route = api.post("/x").mock(side_effect=[BROKEN, httpx.Response(200, json={"done": True})])
    assert client.post("/x", idempotent=True) == {"done": True}
    assert route.call_count == 2


def test_pauses_between_retries_double(api, client, fake_clock):
    api.get("/x").mock(side_effect=[httpx.Response(503)] * 6)
    with pytest.raises(Unavailable):
        client.get("/x")
    assert fake_clock.slept == [0.5, 1, 2, 4, 8]


@pytest.mark.parametrize(
    ("asked", "slept"),
    [("20", 20), ("600", 60), ("0", 0.5), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.5), ("-1", 0.5), ("soon", 0.5)],
    ids=["seconds", "too long", "at once", "a date", "negative", "no number"],
)
def test_a_pause_is_as_long_as_the_service_asks_for(api, client, fake_clock, asked, slept):
    api.get("/x").mock(side_effect=[httpx.Response(429, headers={"Retry-After": asked}), httpx.Response(200, json={})])
    client.get("/x")
    assert fake_clock.slept == [slept]


@pytest.mark.parametrize(
    ("status", "answer", "kind", "line"),
    [
        (404, error("no such index [x]", 404), NotFound, "GET /x: no such index [x] (HTTP 404)"),
        (
            400,
            error("failed to parse", caused_by={"type": "y", "reason": "Expected: 3, Given: 4"}),
            Rejected,
            "GET /x: failed to parse: Expected: 3, Given: 4 (HTTP 400)",
        ),
        (400, {"error": "no handler found"}, Rejected, "GET /x: no handler found (HTTP 400)"),
    ],
)
def test_an_error_is_reported_in_one_line(api, client, version_route, status, answer, kind, line):
    api.get("/x").respond(status, json=answer)
    with pytest.raises(kind) as raised:
        client.get("/x")
    assert str(raised.value) == line


def test_an_answer_that_is_not_json_is_shown_and_explained(api, client):
    api.get("/x").respond(401, text="Unauthorized")
    with pytest.raises(Rejected, match=r"GET /x: Unauthorized \(HTTP 401\); check `search_username`"):
        client.get("/x")
    api.get("/y").respond(200, text="<html>")
    with pytest.raises(Unavailable, match=r"the answer is an HTML page.*check `search_url`"):
        client.get("/y")


PAGE = "<html><head><title>404 Not Found</title></head><body><center>nginx</center></body></html>"
MISSING = error("no such index [x]", 404)


@pytest.mark.parametrize(
    ("path", "answer", "believed"),
    [
        ("/x", {"json": MISSING}, True),
        ("/_alias/x", {"json": {"error": "alias [x] missing", "status": 404}}, True),
        ("/_ingest/pipeline/x", {"json": {}}, True),
        ("/x", {"json": {}}, False),
        ("/x", {"text": PAGE}, False),
        ("/x", {"text": ""}, False),
        ("/x", {"text": "404 page not found"}, False),
        ("/x", {"json": {"timestamp": 1, "status": 404, "error": "Not Found", "path": "/x"}}, False),
        ("/x", {"json": {"message": "no Route matched with those values"}}, False),
        ("/x", {"json": []}, False),
    ],
    ids=["index", "alias", "pipeline", "empty object", "page", "empty", "text", "gateway", "another gateway", "list"],
)
def test_only_a_404_of_polarsearch_means_not_found(api, client, version_route, path, answer, believed):
    api.get(path).respond(404, **answer)
    assert client.version
    with pytest.raises(NotFound if believed else Rejected) as raised:
        client.get(path)
    assert ("something between this machine and PolarSearch" in str(raised.value)) is not believed


def test_a_404_of_another_service_does_not_mean_not_found(api, client):
    api.get(url__regex=".*").respond(404, json=MISSING)
    with pytest.raises(Rejected, match=r"no such index \[x\] \(HTTP 404\); is this really PolarSearch"):
        client.get("/x")


@pytest.mark.parametrize(
    ("answer", "reported"),
    [
        ({"text": PAGE}, "the answer is an HTML page"),
        ({"text": '{"connector_id": "a'}, "the answer is no JSON object"),
        ({"json": ["a"]}, "the answer is no JSON object"),
        ({"json": {"took": 3}}, "the answer has no connector_id"),
    ],
    ids=["page", "truncated", "list", "answer of another request"],
)
def test_a_create_with_an_unreadable_answer_may_have_been_processed(api, client, version_route, answer, reported):
    route = api.post("/x").respond(200, **answer)
    with pytest.raises(Unavailable, match=reported) as raised:
        client.post_for("connector_id", "/x", {})
    assert not raised.value.not_processed
    assert route.call_count == 1


def test_an_html_page_is_reported_by_its_title(api, client):
    api.get("/x").respond(500, text=PAGE)
    with pytest.raises(Rejected, match=r"^GET /x: an HTML page, '404 Not Found' \(HTTP 500\)$"):
        client.get("/x")


def test_errors_omit_the_query_string(api, client):
    api.get("/x").respond(400, json=error("bad"))
    with pytest.raises(Rejected, match=r"^GET /x: bad"):
        client.get("/x?filter_path=a")


def test_the_version_is_requested_once(api, client):
    route = api.get("/").respond(json={"version": {"number": "2.19.1"}})
    assert (client.version, client.version) == ((2, 19, 1), (2, 19, 1))
    assert route.call_count == 1


def test_an_answer_without_a_version_is_not_polarsearch(api, client):
    api.get("/").respond(json={"hello": "world"})
    with pytest.raises(Rejected, match="is this really PolarSearch"):
        _ = client.version


def test_another_service_is_not_polarsearch(api, client):
    api.get("/").respond(404, json={"error": {"message": "Invalid URL (GET /)"}})
    with pytest.raises(Rejected, match=r"^GET / at http://search.test: .* \(HTTP 404\); is this really PolarSearch"):
        _ = client.version


def test_a_missing_ca_file_is_reported_in_one_line(clock):
    with pytest.raises(SearchStackError, match=r"search_ca_file missing\.pem: .*name a PEM file"):
        SearchClient.connect("https://search.test", "u", "p", "missing.pem", clock=clock)


@pytest.fixture
def silent_port():
    """A port that accepts every connection and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_a_port_that_never_answers_is_not_polarsearch(silent_port, clock, fake_clock):
    http = httpx.Client(base_url=f"http://127.0.0.1:{silent_port}", trust_env=False)
    with http, pytest.raises(Rejected) as raised:
        _ = SearchClient(http, clock=clock, greeting_timeout=0.1).version
    assert str(raised.value) == (
        f"GET / at http://127.0.0.1:{silent_port}: no answer within 0.1 s; "
        "is this really PolarSearch? check `search_url`"
    )
    assert fake_clock.slept == []


def test_the_request_for_the_version_is_retried_while_unreachable(api, client):
    route = api.get("/").mock(side_effect=[UNREACHABLE, httpx.Response(200, json={"version": {"number": "2.19.1"}})])
    assert client.version == (2, 19, 1)
    assert route.call_count == 2


def test_a_service_that_falls_silent_is_asked_once_and_then_greeted_first(silent_port, clock, fake_clock):
    http = httpx.Client(base_url=f"http://127.0.0.1:{silent_port}", trust_env=False)
    with http:
        client = SearchClient(http, clock=clock, greeting_timeout=0.1, read_timeout=0.05)
        with pytest.raises(Unavailable, match=r"^GET /x at .*: timed out"):
            client.get("/x")
        with pytest.raises(Rejected, match=r"^GET / at .*: no answer within 0.05 s"):
            client.get("/y")
    assert fake_clock.slept == []


INDEX = {"x": {"aliases": {}}}


def test_a_service_that_answers_again_is_used_again(api, client):
    api.get("/").respond(json={"version": {"number": "2.19.1"}})
    api.get("/x").mock(side_effect=[LOST, httpx.Response(200, json=INDEX)])
    with pytest.raises(Unavailable):
        client.get("/x")
    assert client.get("/x") == INDEX


ELSEWHERE = "https://e.test/v1/embeddings"
KEY_REFUSED = {"error": {"message": "Incorrect API key provided.", "code": "invalid_api_key"}}


def test_an_embedding_service_is_sent_what_was_written(api):
    route = api.post(ELSEWHERE).respond(200, json=[[0.5]])
    assert post_elsewhere(ELSEWHERE, {"x-key": "k"}, '{"input":["杯"]}') == [[0.5]]
    [call] = route.calls
    assert (call.request.headers["x-key"], call.request.content.decode()) == ("k", '{"input":["杯"]}')


@pytest.mark.parametrize(
    ("answer", "status", "reason", "fix"),
    [
        (httpx.Response(401, json=KEY_REFUSED), 401, "Incorrect API key", "the embedding service refuses the key: set"),
        (httpx.Response(404, html="<html><title>Gone</title>"), 404, "an HTML page, 'Gone'", "check `url`, `model`"),
        (httpx.Response(200, text="OK"), 200, "the answer is no JSON", "check `embedding.url`"),
        (httpx.ReadTimeout("The read operation timed out"), None, "timed out", "check `embedding.url`, and that"),
        (httpx.ConnectError("[Errno 111] Connection refused"), None, "refused", "check `embedding.url`, and that"),
    ],
)
def test_an_embedding_service_that_does_not_embed_is_an_error_with_its_fix(api, answer, status, reason, fix):
    api.post(ELSEWHERE).mock(side_effect=[answer])
    with pytest.raises(ApiError, match=f"^POST {ELSEWHERE}: ") as error:
        post_elsewhere(ELSEWHERE, {}, "{}")
    assert error.value.status == status
    assert reason in str(error.value)
    assert fix in str(error.value)


def test_a_key_that_no_header_can_hold_is_an_error():
    with pytest.raises(ApiError, match=r"check `embedding\.url`"):
        post_elsewhere(ELSEWHERE, {"x-key": "ключ"}, "{}")
