"""Waiting for a service to finish what it accepted, or to be there again. The loops are generic; what is awaited, and
which error passes by itself, are pure functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from time import sleep as pause
from typing import TypeVar

from .errors import Rejected, SearchStackError, WaitTimeout

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


def try_again(
    action: Callable[[], T],
    passes: Callable[[SearchStackError], bool],
    *,
    times: int,
    pause: float,
    clock: Clock,
    tell: Callable[[str], None] = lambda _: None,
) -> T:
    """What `action` gives. While its error passes by itself it is done again, at most `times` times.

    Pauses double, from `pause` seconds; `tell` hears why there is one. Raises the first error that does not pass, or
    the last.
    """
    again = 0
    while True:
        try:
            done = action()
            break
        except SearchStackError as error:
            if again == times or not passes(error):
                raise
            tell(f"trying again in {pause:g} s: {error}")
        clock.sleep(pause)
        again, pause = again + 1, pause * 2
    if again:
        tell("")
    return done


def insist(action: Callable[[], object], passing: str, *, clock: Clock) -> None:
    """Do what the service refuses for a reason that passes by itself, up to six times within 8 s.

    `passing` is a part of that reason. Raises Rejected: another reason, or the last.
    """

    def passes(error: SearchStackError) -> bool:
        return isinstance(error, Rejected) and passing in error.reason

    try_again(action, passes, times=5, pause=0.25, clock=clock)
