"""The catalogue of errors, compared with the texts of the services."""

from __future__ import annotations

import json
import pathlib
import re

import pytest

from providers.services import advice

RECORDINGS = pathlib.Path(__file__).parents[2] / "recordings" / "opensearch-2.19.1"


def reasons(answer):
    """Yields every text in an answer that gives a reason."""
    if isinstance(answer, dict):
        yield from (value for key, value in answer.items() if key in ("reason", "error") and isinstance(value, str))
        for value in answer.values():
            yield from reasons(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from reasons(value)
    elif isinstance(answer, str):
        yield answer


RECORDED = {
    reason
    for path in RECORDINGS.glob("*.jsonl")
    for line in path.read_text().splitlines()
    for reason in reasons(json.loads(line)["response"])
}

DOCUMENTED = [
    'Error from remote service: {"error":{"message":"<400> InternalError.Algo.InvalidParameter: Value error, '
    'batch size is invalid, it should not be larger than 10.: input.contents","type":"InvalidParameter"}}',
    'Error from remote service: {"error":{"message":"Requests rate limit exceeded","code":"Throttling.RateQuota"}}',
    'Error from remote service: {"error":{"message":"The model does not exist","code":"ModelNotFound"}}',
    'Error from remote service: {"message":"The security token included in the request is invalid."}',
    "Error communicating with remote model: Connection refused",
    "Remote inference host name has private ip address: 127.0.0.1",
    "OpenSearch Security not initialized.",
    "The ML encryption master key has not been initialized yet. Please retry after waiting for 10 seconds.",
    "no eligible node found",
]
"""Texts from the sources (ml-commons 2.19, the security plugin) and the services' documentation, not recorded."""


@pytest.mark.parametrize("known", advice.SEARCH, ids=lambda known: known.text[:40])
def test_every_entry_matches_a_recorded_or_documented_text(known):
    matching = [reason for reason in [*RECORDED, *DOCUMENTED] if advice.for_search(400, reason) == known.fix]
    assert matching, f"no recorded or documented text matches {known.text}"


@pytest.mark.parametrize("text", DOCUMENTED)
def test_a_documented_text_is_not_recorded(text):
    assert text not in RECORDED


def test_an_invalid_embedding_key_is_told_apart_from_an_invalid_login():
    """Both are HTTP 401 (lifecycle.jsonl, "index with bad key"; auth.jsonl, "wrong password")."""
    [bad_key] = {reason for reason in RECORDED if "Incorrect API key" in reason}
    assert "embeddingApiKey" in advice.for_search(401, bad_key)
    assert "search_password" in advice.for_search(401, "Unauthorized")


@pytest.mark.parametrize(
    "refusal",
    [
        '{"error":{"message":"Access denied due to invalid subscription key or wrong API endpoint."}}',
        '{"message":"invalid api token"}',
        '{"detail":"Provided API key is invalid."}',
        '{"code":"AUTH_INVALID_API_KEY","message":"Invalid API key"}',
        '{"code":"InvalidApiKey","message":"Invalid API-key provided."}',
    ],
)
def test_every_services_way_to_refuse_a_key_is_known(refusal):
    assert "embeddingApiKey" in advice.for_search(401, f"Error from remote service: {refusal}")


@pytest.mark.parametrize(
    ("reason", "fix"),
    [
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)", "write http://"),
        ("[SSL: RECORD_LAYER_FAILURE] record layer failure", "write http://"),
        ("Server disconnected without sending a response.", "write https://"),
        ("[Errno 104] Connection reset by peer", "write https://"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate", "search_ca_file"),
        ("[Errno -2] Name or service not known", "check the host"),
        ("[Errno 111] Connection refused", "check `search_url`, and that this machine may reach it"),
    ],
)
def test_a_transport_error_is_explained(reason, fix):
    assert fix in advice.for_transport(reason)


def test_an_unknown_text_has_no_advice():
    assert advice.for_search(400, "never seen before") == ""
    assert advice.for_database(1) == ""


def test_every_advice_is_one_short_line():
    fixes = [known.fix for known in advice.SEARCH + advice.TRANSPORT]
    fixes += [*advice.STATUS.values(), *advice.DATABASE.values()]
    assert [fix for fix in fixes if "\n" in fix or len(fix) > 140 or not fix] == []
    assert [known.text for known in advice.SEARCH if re.compile(known.text).search("")] == []
