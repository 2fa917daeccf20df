"""Which answers are PolarSearch's own: every recorded one is, and another JSON object is not."""

from __future__ import annotations

import json
import pathlib

import httpx
import pytest

from providers.kit import Unavailable
from providers.services.answers import is_answer

RECORDINGS = pathlib.Path(__file__).parents[2] / "recordings" / "opensearch-2.19.1"


def recorded():
    """Request and body of every answer that succeeded."""
    for path in RECORDINGS.glob("*.jsonl"):
        for line in map(json.loads, path.read_text().splitlines()):
            if isinstance(line["status"], int) and line["status"] < 300 and isinstance(line["response"], dict):
                yield f"{line['method']} {line['path'].partition('?')[0]}", line["response"]


def test_every_recorded_answer_is_one():
    answers = list(recorded())
    assert len(answers) > 300
    assert [request for request, body in answers if not is_answer(request, body)] == []


@pytest.mark.parametrize(
    "request_",
    [
        "PUT /docs",
        "PUT /docs/_settings",
        "PUT /docs/_mapping",
        "PUT /_ingest/pipeline/p",
        "DELETE /_search/pipeline/p",
        "PUT /_cluster/settings",
        "DELETE /docs/_alias/a",
        "POST /_aliases",
        "GET /docs,other",
        "GET /_mapping",
        "GET /docs/_mapping",
        "GET /_alias",
        "GET /_ingest/pipeline/p",
        "GET /_search/pipeline",
        "GET /_all",
        "GET /_all/_settings",
        "GET /_cluster/settings",
        "GET /_cluster/health/docs",
        "GET /_plugins/_ml/models/_x-0",
        "PUT /_plugins/_ml/model_groups/x",
        "DELETE /_plugins/_ml/connectors/x",
        "POST /_plugins/_ml/models/_search",
        "POST /docs/_count",
        "POST /docs/_refresh",
        "POST /_plugins/_ml/_predict/text_embedding/x",
        "POST /_plugins/_ml/models/x/_deploy",
        "POST /_plugins/_ml/models/x/_undeploy",
    ],
)
def test_another_json_object_is_none(request_):
    assert not is_answer(request_, {"result": "done"})


@pytest.mark.parametrize(
    "request_", ["GET /docs", "GET /docs/_mapping", "GET /_all", "GET /_ingest/pipeline/p", "GET /_search/pipeline/p"]
)
def test_an_answer_to_another_request_is_none(request_):
    assert not is_answer(request_, {"hits": {"total": {"value": 0, "relation": "eq"}, "hits": []}})


def test_a_write_that_another_service_answered_is_sent_again(api, client):
    answers = [httpx.Response(200, json=body) for body in ({"result": "done"}, {"acknowledged": True})]
    route = api.put("/_search/pipeline/p").mock(side_effect=answers)
    client.put("/_search/pipeline/p", {})
    assert route.call_count == 2


def test_a_read_that_another_service_answers_is_one_line(api, client):
    api.get("/_mapping").respond(json={"result": "done"})
    with pytest.raises(Unavailable, match="GET /_mapping: the answer is another JSON object"):
        client.get("/_mapping")
