"""Promises of the mock: any httpx client, no network, and the same application as everywhere else."""

import asyncio
import doctest

import httpx
import pytest
import respx

import sandbox.mock
from sandbox import mock_polarsearch


def test_the_example_in_its_documentation_runs():
    assert doctest.testmod(sandbox.mock) == (0, 2)


def test_a_synchronous_and_an_asynchronous_client_are_answered_alike():
    async def ask(url):
        async with httpx.AsyncClient() as http:
            return (await http.get(url)).json()

    with mock_polarsearch() as search:
        assert asyncio.run(ask(search.url)) == httpx.get(search.url).json()
        assert search.application.requests.counts() == {"GET /": 2}


def test_a_lost_answer_looks_like_a_broken_connection():
    with mock_polarsearch() as search:
        search.faults.add("PUT", "/index", "lost")
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.put(f"{search.url}/index")
        assert httpx.head(f"{search.url}/index").status_code == 200


def test_options_are_those_of_the_application():
    with mock_polarsearch(url="https://other.test", users={"a": "b"}, version="2.12.0") as search:
        assert httpx.get(search.url).text == "Unauthorized"
        assert httpx.get(search.url, auth=("a", "b")).json()["version"]["number"] == "2.12.0"


def test_a_request_anywhere_else_reaches_no_network():
    with mock_polarsearch(), pytest.raises(respx.models.AllMockedAssertionError):
        httpx.get("http://elsewhere.test/")


CONNECTOR = {
    "name": "c",
    "version": 1,
    "protocol": "http",
    "parameters": {"model": "text-embedding-v4"},
    "credential": {"api_key": "sk-test"},
    "actions": [
        {
            "action_type": "predict",
            "method": "POST",
            "url": "http://embeddings.test/v1/embeddings",
            "headers": {"Authorization": "Bearer ${credential.api_key}"},
            "request_body": '{ "model": "${parameters.model}", "input": ${parameters.input}, "dimensions": 64 }',
            "pre_process_function": "connector.pre_process.openai.embedding",
            "post_process_function": "connector.post_process.openai.embedding",
        }
    ],
}


@pytest.mark.parametrize(("keys", "status"), [(("sk-test",), 200), (("sk-rotated",), 401)])
def test_connectors_reach_the_embedding_service_in_the_process(keys, status):
    ml = "/_plugins/_ml"
    with mock_polarsearch(api_keys=keys) as search, httpx.Client(base_url=search.url) as http:
        trusted = {"plugins.ml_commons.trusted_connector_endpoints_regex": ["^http://embeddings\\.test/.*$"]}
        http.put("/_cluster/settings", json={"persistent": trusted}).raise_for_status()
        connector = http.post(f"{ml}/connectors/_create", json=CONNECTOR).json()["connector_id"]
        body = {"name": "m", "function_name": "remote", "connector_id": connector}
        model = http.post(f"{ml}/models/_register", json=body).json()["model_id"]
        answer = http.post(f"{ml}/_predict/text_embedding/{model}", json={"text_docs": ["a mug", "a cup"]})
        assert answer.status_code == status
        if status == 200:
            outputs = answer.json()["inference_results"][0]["output"]
            assert [output["shape"] for output in outputs] == [[64], [64]]
