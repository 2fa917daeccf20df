"""The commands on a collection that is filled by a query."""

from __future__ import annotations

from tests.e2e.test_query import filled, revision  # noqa: F401  fixtures


def test_every_command_understands_a_query(ops, filled):  # noqa: F811
    ran = ops("doctor", "--json")
    assert (ran.code, ran.json["findings"]) == (0, [])
    [docs] = ops("status", "--json").json["collections"]
    assert (docs["serving"]["rows"], docs["serving"]["vectors"], docs["problems"]) == (4, 4, [])
    [docs] = ops("estimate", "--json").json["collections"]
    assert (docs["rows"], docs["vectors"]) == (4, 4)
    [docs] = ops("search", "kettle", "--json").json["collections"]
    assert docs["hits"][0]["id"] == "1"
