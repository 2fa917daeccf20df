"""Objects of ML Commons: found by name with a search that may be outdated, read by id."""

from __future__ import annotations

from providers.kit import NotFound
from providers.services.mlcommons import find_by, find_named

SEARCH = "/_plugins/_ml/models/_search"


def hits(*ids):
    return {"hits": {"hits": [{"_id": id} for id in ids]}}


def test_a_model_deleted_since_the_search_is_skipped(api, client):
    api.post(SEARCH).respond(json=hits("gone", "there"))

    def read(id):
        if id == "gone":
            raise NotFound("GET /x", 404, "no such model")
        return f"model {id}"

    assert find_named(client, "models", "m", read) == [("there", "model there")]


def test_a_missing_ml_index_is_an_empty_result(api, client):
    """2.11 answers 404 until its index exists."""
    api.get("/").respond(json={"version": {"number": "2.11.1"}})
    missing = {"error": {"root_cause": [], "reason": "no such index"}, "status": 404}
    api.post(SEARCH).respond(404, json=missing)
    assert find_by(client, "models", connector_id="c") == []
