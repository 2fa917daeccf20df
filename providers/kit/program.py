"""The process that a Pulumi program runs in, and what keeps its runs short and its errors readable.

The SDK has no setting for either; `make bench` shows what they cost.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator

import pulumi
import pulumi.log

DEBUG = "POLARSEARCH_DEBUG"
"""Set to show tracebacks, and the SDK's debug lines under `pulumi up --debug`."""

FRAMES = 8
"""Frames of a resource's stack trace: six are Pulumi's own and not stored, the others tell who declares it."""


def prepare() -> None:
    """Prepares the process of a program: called once, before its first resource."""
    with contextlib.suppress(ValueError):  # some hosts run the program in a thread, and handle signals themselves
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # the engine interrupts the program when a step fails
    if not os.environ.get(DEBUG):
        pulumi.log.debug = _no_debug_line


def _no_debug_line(msg: str, *_: object, **__: object) -> None:
    """Sends nothing: the SDK sends the engine a request for each of its debug lines, shown or not."""


@contextlib.contextmanager
def short_stack_trace() -> Iterator[None]:
    """Resources made in here keep the innermost frames of their stack trace in state, not those of Pulumi's host.

    Pulumi stores the whole stack with every resource, two thirds of its state, as long as `sys.tracebacklimit` lets it.
    """
    before = getattr(sys, "tracebacklimit", None)
    sys.tracebacklimit = FRAMES
    try:
        yield
    finally:
        if before is None:
            del sys.tracebacklimit
        else:
            sys.tracebacklimit = before


def leave_to_registration(resource: pulumi.Resource) -> None:
    """Takes the properties of a resource off the Outputs that the SDK waits for before a program ends.

    They are known once the resource is registered, which it waits for, too; but as long as one of all those Outputs is
    unknown it goes through all of them, for each resource again: half the time of a preview of 100 collections.
    """
    for value in vars(resource).values():
        if isinstance(value, pulumi.Output) and hasattr(value, "_untrack"):  # not in every SDK
            value._untrack()
