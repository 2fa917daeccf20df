"""Outside Pulumi's host, or in one that has changed, less is done and nothing breaks. In the host: test_wire.py."""

from __future__ import annotations

import threading

import pytest

from providers.kit import host


def test_an_error_is_still_an_error():
    with pytest.raises(host.Failure, match=r"^no clay left$"):
        host.fail("no clay left")


def test_progress_is_told_to_nobody():
    host.report("half way")


def test_no_engine_is_watched_and_no_pool_widened():
    before = threading.active_count()
    host.exit_with_the_engine()
    host.widen()
    assert threading.active_count() == before
