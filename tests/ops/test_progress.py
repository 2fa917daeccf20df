"""How far a generation is, computed from looks at it."""

from __future__ import annotations

import pytest

from ops.progress import History, LinkStatus, Look, generation_status, generations, link_status, problems_of, whole
from providers.services.autoetl import Link
from providers.services.backfill import Backfill
from providers.services.reconcile import Disagreement, Document

NOTHING = Disagreement()


def look(at, documents=10, rows=10, missing=frozenset(), found=NOTHING):
    return Look(at, Backfill(rows, documents, {}, {}), missing, found)


def after(*looks):
    history = History()
    for each in looks:
        history = history.after(each)
    return history


@pytest.mark.parametrize(
    ("looks", "rate", "left"),
    [
        ([look(0)], None, 0),
        ([look(0, 2)], None, None),
        ([look(0, 2), look(4, 6)], 1, 4),
        ([look(0, 6), look(4, 6)], 0, None),
        ([look(0, 6), look(4, 2)], 0, None),
        ([look(0, 2), look(2, 10)], 4, 0),
    ],
)
def test_rate_and_time_left_take_two_looks(looks, rate, left):
    history = after(*looks)
    assert (history.rate, history.seconds_left) == (rate, left)


@pytest.mark.parametrize(
    ("looks", "lag"),
    [
        ([look(0)], 0),
        ([look(0, missing=None)], None),
        ([look(0, missing={"7"})], 0),
        ([look(0, missing={"7"}), look(3, missing={"7", "8"})], 3),
        ([look(0, missing={"7"}), look(3, missing={"8"}), look(5, missing={"8"})], 2),
        ([look(0, missing={"7"}), look(3), look(5, missing={"7"})], 0),
        ([look(0, missing={"7"}), look(3)], 0),
    ],
)
def test_the_lag_is_how_long_a_row_has_been_seen_without_its_document(looks, lag):
    assert after(*looks).lag == lag


@pytest.mark.parametrize(
    ("seen", "settled"),
    [(look(0), True), (look(0, 3), False), (look(0, missing={"7"}), False), (look(0, found=Disagreement(1)), False)],
)
def test_another_look_tells_more_while_rows_are_on_their_way(seen, settled):
    assert seen.is_settled is settled


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"jobStatus": "running", "latency": "250", "restart_times": "2"}, LinkStatus("running", 0.25, 2)),
        ({"jobStatus": "running", "latency": "-1", "restart_times": "0"}, LinkStatus("running", None, 0)),
        ({}, LinkStatus("", None, 0)),
        ({"errors": "boom", "jobStatus": "recovering"}, LinkStatus("recovering", None, 0, "boom")),
    ],
)
def test_the_message_of_a_link_is_read(message, expected):
    assert link_status(Link("1", message)) == expected


@pytest.mark.parametrize(("text", "number"), [("12", 12), ("-1", -1), ("", None), ("n/a", None)])
def test_whole_numbers(text, number):
    assert whole(text) == number


@pytest.mark.parametrize(
    ("aliases", "expected"),
    [
        ({}, (None, None)),
        ({"docs_new": []}, (None, "docs_new")),
        ({"docs_old": ["docs"]}, ("docs_old", None)),
        ({"docs_old": ["docs"], "docs_new": []}, ("docs_old", "docs_new")),
        ({"docs_new": ["docs", "other"]}, ("docs_new", None)),
    ],
)
def test_the_served_generation_and_the_one_that_is_filled(aliases, expected):
    assert generations("docs", "docs_new", aliases) == expected


RECOVERING = Link("1", {"jobStatus": "recovering", "errors": "no such table", "restart_times": "3"})
FAILED = Link("1", {"jobStatus": "failed", "errors": "gone"})
STRAYS = Disagreement(1, (Document("9", 1, 1),))


@pytest.mark.parametrize(
    ("link", "row", "found", "prune", "expected"),
    [
        (Link("1", {"jobStatus": "running"}), "", NOTHING, False, []),
        (None, "", NOTHING, False, ["i: PolarDB has no sync link into it; `pulumi up --refresh` makes it again"]),
        (
            RECOVERING,
            "row id=7 is refused",
            NOTHING,
            False,
            [
                "i: no such table (job recovering, restarted 3 times); row id=7 is refused; "
                "mend the cause, it goes on by itself"
            ],
        ),
        (
            FAILED,
            "",
            NOTHING,
            False,
            ["i: gone (job failed, restarted 0 times); mend the cause, then `pulumi up --refresh` makes it again"],
        ),
        (
            Link("1", {}),
            "",
            STRAYS,
            True,
            ["i has 1 document without a row (9): `pulumi up --refresh` deletes them"],
        ),
    ],
)
def test_problems_say_what_to_do(link, row, found, prune, expected):
    assert problems_of("i", link, row, found, prune=prune) == expected


def test_a_generation_has_the_numbers_of_its_last_look():
    counted = Backfill(10, 8, {"a": 4, "b": 3}, {"a": 4, "b": 1})
    history = after(Look(0, counted, None, Disagreement(3, (), {"a": 2, "b": 1})))
    status = generation_status("i", "filling", history, None, "")
    assert (status.rows, status.documents, status.texts, status.vectors) == (10, 8, 7, 5)
    assert (status.texts_without_vector, status.documents_without_row, status.link) == (3, 3, None)
