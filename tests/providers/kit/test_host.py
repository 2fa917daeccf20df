"""Functions that use Pulumi's host do nothing outside of it. `test_wire.py` calls them inside the host."""

from __future__ import annotations

import threading

import pytest

from providers.kit import host


def test_fail_raises_outside_the_host():
    with pytest.raises(host.Failure, match=r"^no material left$"):
        host.fail("no material left")


def test_report_does_nothing_outside_the_host():
    host.report("half way")


def test_outside_the_host_no_thread_is_started():
    before = threading.active_count()
    host.exit_with_the_engine()
    host.widen()
    assert threading.active_count() == before
