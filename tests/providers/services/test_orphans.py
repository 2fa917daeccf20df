"""Deletes of what others use, while another delete does the same: the engine deletes side by side."""

from __future__ import annotations

import pytest

from providers.kit import Rejected
from providers.services.mlcommons import STILL_USED
from providers.services.orphans import delete_indexes_of, delete_with_models

ML = "/_plugins/_ml"
OWNER = "p/s/connector"


@pytest.fixture
def others(rest):
    """An index of somebody else's."""
    rest.put("/theirs", {"mappings": {"_meta": {"pulumi": {"index": "p/other/docs#1"}}}})
    rest.put("/ours", {"mappings": {"_meta": {"pulumi": {"index": "p/s/docs#1"}}}})


def test_an_index_that_another_delete_was_faster_with_is_in_nobodys_way(connections, others, rest):
    assert delete_indexes_of(connections, OWNER, ["ours", "gone", "theirs"]) == ["theirs"]
    assert sorted(rest.get("/_alias")) == ["theirs"]


def test_what_only_a_model_used_that_is_gone_by_now_is_deleted(connections):
    refused = [Rejected(f"DELETE {ML}/connectors/c", 409, f"1 models {STILL_USED}")]

    def delete():
        if refused:
            raise refused.pop()

    delete_with_models(connections, OWNER, delete, STILL_USED, connector_id="c")
    assert refused == []


def test_a_refusal_that_stays_is_raised(connections):
    def delete():
        raise Rejected(f"DELETE {ML}/connectors/c", 409, f"1 models {STILL_USED}")

    with pytest.raises(Rejected, match=STILL_USED):
        delete_with_models(connections, OWNER, delete, STILL_USED, connector_id="c")
