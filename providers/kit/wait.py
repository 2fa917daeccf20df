"""Waiting for a service to finish what it accepted. The loop is generic; what is awaited is a pure function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from time import sleep as pause
from typing import TypeVar

from .errors import Rejected, WaitTimeout

T = TypeVar("T")

Pending = Callable[[T], "str | None"]
"""What still has to happen, or None when nothing does. Raises ResourceFailed when it never will."""


@dataclass(frozen=True)
class Clock:
    """The time we go by, in seconds."""

    now: Callable[[], float] = monotonic
    sleep: Callable[[float], None] = pause


def wait_until(
    probe: Callable[[], T],
    pending: Pending[T],
    *,
    timeout: float,
    interval: float = 0.2,
    clock: Clock,
    tell: Callable[[str], None] = lambda _: None,
) -> T:
    """Probe until nothing is pending and return the last observation.

    `timeout` and `interval` are seconds; the interval doubles up to 5 s. `tell` hears every new reason.
    Raises WaitTimeout, with the last reason, and whatever `probe` and `pending` raise.
    """
    deadline, said = clock.now() + timeout, ""
    while (reason := pending(seen := probe())) is not None:
        if clock.now() >= deadline:
            raise WaitTimeout(f"{reason} (gave up after {timeout:g} s); run `pulumi up` again to go on")
        if reason != said:
            tell(said := reason)
        clock.sleep(interval)
        interval = min(interval * 2, 5)
    if said:
        tell("")
    return seen


def insist(action: Callable[[], object], passing: str, *, clock: Clock, times: int = 6) -> None:
    """Do what the service refuses for a reason that passes by itself, up to `times` times, 0.25 s to 4 s apart.

    `passing` is a part of that reason. Raises Rejected: another reason, or the last.
    """
    for attempt in range(times - 1):
        try:
            action()
            return
        except Rejected as error:
            if passing not in error.reason:
                raise
        clock.sleep(0.25 * 2**attempt)
    action()
