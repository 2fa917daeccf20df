"""Calls are found in a stream of bytes, for any split into packets."""

from __future__ import annotations

import pytest

from bench.traffic import Counts, HttpRequests, SqlStatements

GET = b"GET /docs/_mapping HTTP/1.1\r\nhost: a\r\n\r\n"
POST = b"POST /_bulk?refresh HTTP/1.1\r\nContent-Length: 27\r\n\r\nGET /no HTTP/1.1\r\nhost: a\r\n"
HTTP = [
    (GET, ["GET /docs/_mapping"]),
    (POST, ["POST /_bulk?refresh"]),
    (POST + GET + POST, ["POST /_bulk?refresh", "GET /docs/_mapping", "POST /_bulk?refresh"]),
    (GET[:-1], []),
]


def packet(sequence, payload):
    return len(payload).to_bytes(3, "little") + bytes([sequence]) + payload


LOGIN = packet(1, b"\x03 is a flag here")
QUERY, QUIT, LONG = packet(0, b"\x03SELECT 1"), packet(0, b"\x01"), packet(0, b"\x03" + b"x" * 70_000)
SQL = [
    (QUERY, ["SELECT 1"]),
    (LOGIN + QUERY + QUERY + QUIT, ["SELECT 1", "SELECT 1"]),
    (LONG + QUIT, ["x" * 70_000]),
    (packet(0, b"") + QUERY, ["SELECT 1"]),
    (QUERY[:-1], []),
]


@pytest.mark.parametrize(("stream", "calls"), HTTP)
@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
def test_requests_are_found_for_any_split_of_the_stream(stream, calls, size):
    assert fed(HttpRequests(), stream, size) == calls


@pytest.mark.parametrize(("stream", "calls"), SQL, ids=range(len(SQL)))
@pytest.mark.parametrize("size", [3, 1000, 100_000])
def test_statements_are_found_for_any_split_of_the_stream(stream, calls, size):
    assert fed(SqlStatements(), stream, size) == calls


def fed(calls, stream, size):
    return [call for at in range(0, len(stream), size) for call in calls.feed(stream[at : at + size])]


def test_a_body_of_unknown_length_is_refused():
    with pytest.raises(ValueError, match="transfer-encoding"):
        HttpRequests().feed(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")


def test_counts_are_added_and_subtracted_by_field():
    one, other = Counts(5, 4, 300, 2), Counts(1, 1, 100, 1)
    assert one + other == Counts(6, 5, 400, 3)
    assert one - other == Counts(4, 3, 200, 1)
    assert one.calls == 9
