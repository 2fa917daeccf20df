"""Accounts and TLS, as the security plugin has them: PolarSearch is never without."""

from __future__ import annotations

import pytest

from providers.kit import ApiError, Clock, Unavailable
from providers.services.http import SearchClient
from tests.conformance.server import BAD_KEY, ML, connector_body
from tests.real.opensearch import READER, READER_PASSWORD, Account

CONNECTOR = connector_body("http://127.0.0.1:1/v1/embeddings", BAD_KEY, "m")


@pytest.fixture
def refusal(guarded):
    """What a kind is told, as somebody or other."""

    def told(method, path, body=None, *, account, url=None):
        with account.client(url or guarded.url) as http, pytest.raises(ApiError) as raised:
            SearchClient(http, clock=Clock(), retries=0).send(method, path, body)
        return raised.value

    return told


@pytest.mark.parametrize(
    ("username", "password"),
    [("", ""), ("nobody", "whatever"), (READER, "wrong")],
    ids=["nobody", "an unknown name", "a wrong password"],
)
def test_who_is_not_known_is_told_what_to_check(guarded, refusal, username, password):
    error = refusal("GET", "/", account=Account(username, password, guarded.account.ca_file))
    assert str(error) == (
        "GET /: Unauthorized (HTTP 401); check `search_username` and `search_password` (or POLARSEARCH_PASSWORD)"
    )


def test_401_is_no_json(guarded):
    with Account("nobody", "x", guarded.account.ca_file).client(guarded.url) as stranger:
        answer = stranger.get("/")
    assert (answer.status_code, answer.text) == (401, "Unauthorized")
    assert answer.headers["content-type"].replace(" ", "").lower() == "text/plain;charset=utf-8"
    assert answer.headers["www-authenticate"] == 'Basic realm="OpenSearch Security"'


@pytest.mark.parametrize(
    ("method", "path", "body", "permission"),
    [
        ("PUT", "/_cluster/settings", {"persistent": {"cluster.metadata.x": "y"}}, "cluster:admin/settings/update"),
        ("POST", f"{ML}/connectors/_create", CONNECTOR, "cluster:admin/opensearch/ml/create_connector"),
        ("POST", f"{ML}/model_groups/_register", {"name": "g"}, "cluster:admin/opensearch/ml/register_model_group"),
        ("PUT", "/_ingest/pipeline/p", {"processors": []}, "cluster:admin/ingest/pipeline/put"),
        ("PUT", "/_search/pipeline/p", {"response_processors": []}, "cluster:admin/search/pipeline/put"),
        ("PUT", "/made-by-the-reader", {}, "indices:admin/create"),
    ],
    ids=["settings", "connector", "group", "ingest pipeline", "search pipeline", "index"],
)
def test_a_limited_user_is_told_the_missing_permission(guarded, refusal, method, path, body, permission):
    error = refusal(method, path, body, account=Account(READER, READER_PASSWORD, guarded.account.ca_file))
    assert error.status == 403
    assert error.reason.startswith(f"no permissions for [{permission}] and User [name={READER}, backend_roles=[")
    assert str(error).endswith("give this account the permission, or use the administrator's")


def test_a_limited_user_may_read(guarded):
    guarded.ok("PUT", "/docs/_doc/1?refresh=true", {"a": 1})
    with Account(READER, READER_PASSWORD, guarded.account.ca_file).client(guarded.url) as reader:
        assert reader.post("/docs/_search", json={}).json()["hits"]["total"]["value"] == 1
        assert reader.put("/docs/_doc/2", json={"a": 2}).status_code == 403


def test_models_work_behind_accounts(guarded):
    guarded.trust()
    model = guarded.model(guarded.connector())
    assert guarded.embed(model, "a text").status == 200


@pytest.fixture
def over_tls(guarded):
    if not guarded.url.startswith("https:"):
        pytest.skip("the emulator serves http; tests/providers/kit/test_http.py has TLS without OpenSearch")
    return guarded


def test_http_to_an_https_port_gets_no_answer_and_is_told_so(over_tls, refusal):
    error = refusal("GET", "/", account=Account(), url=over_tls.url.replace("https:", "http:"))
    assert isinstance(error, Unavailable)
    assert "if the port speaks https, write https:// in `search_url`" in str(error)


def test_without_the_ca_file_its_certificate_is_not_trusted(over_tls, refusal):
    error = refusal("GET", "/", account=Account("nobody", "x"))
    assert "name the cluster's CA in `search_ca_file`" in str(error)


def test_a_neural_query_takes_the_permission_to_call_a_model(guarded):
    """Also of an account that may read the documents: an application's needs both, and a mapping's for its fields."""
    guarded.trust()
    model = guarded.model(guarded.connector())
    vector = {"type": "knn_vector", "dimension": 1024, "method": {"name": "hnsw", "engine": "faiss"}}
    guarded.index("docs", {"knn": True}, vector=vector)
    query = {"query": {"bool": {"should": [{"neural": {"vector": {"query_text": "x", "model_id": model, "k": 1}}}]}}}
    with Account(READER, READER_PASSWORD, guarded.account.ca_file).client(guarded.url) as reader:
        answers = [reader.post("/docs/_search", json=query), reader.get("/docs/_mapping")]
    who = f"User [name={READER}, backend_roles=[readall], requestedTenant=null]"
    assert [(answer.status_code, answer.json()["error"]["reason"]) for answer in answers] == [
        (403, f"no permissions for [cluster:admin/opensearch/ml/predict] and {who}"),
        (403, f"no permissions for [indices:admin/mappings/get] and {who}"),
    ]
    assert guarded.ask("POST", "/docs/_search", query).status == 200
