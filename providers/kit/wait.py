"""Waiting for a service to finish what it accepted, or to be available again.

The loops are generic; the condition, and which error is temporary, are pure functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, sleep, time
from typing import TypeVar

from .errors import Rejected, SearchStackError, WaitTimeout

T = TypeVar("T")

Report = Callable[[str], None]
"""Shows a line of progress until the next; an empty one ends it."""

NotReadyReason = Callable[[T], "str | None"]
"""Returns what still has to happen, None when nothing does. Raises ResourceFailed when it never will."""


def silent(_: str) -> None:
    """Reports nothing."""


@dataclass(frozen=True)
class Clock:
    """The current time and the way to wait, in seconds; `time` is Unix time, which processes share."""

    now: Callable[[], float] = monotonic
    sleep: Callable[[float], None] = sleep
    time: Callable[[], float] = time


def wait_until(
    probe: Callable[[], T],
    not_ready_reason: NotReadyReason[T],
    *,
    timeout: float,
    interval: float = 0.2,
    clock: Clock,
    report: Report = silent,
    progress: Callable[[T], str] | None = None,
) -> T:
    """Probes until `not_ready_reason` is None, and returns the last observation.

    `timeout` and `interval` are seconds; the interval doubles up to 5 s. `report` is called with every new reason,
    after how far it is, as `progress` says it: a terminal shows the first characters of a line.
    Raises WaitTimeout with the last reason, and whatever `probe` and `not_ready_reason` raise.
    """
    deadline, reported = clock.now() + timeout, ""
    while (reason := not_ready_reason(seen := probe())) is not None:
        if clock.now() >= deadline:
            raise WaitTimeout(f"{reason} (gave up after {timeout:g} s); run `pulumi up` again to go on")
        line = f"{progress(seen)}: {reason}" if progress else reason
        if line != reported:
            report(reported := line)
        clock.sleep(interval)
        interval = min(interval * 2, 5)
    if reported:
        report("")
    return seen


def retry(
    action: Callable[[], T],
    is_temporary: Callable[[SearchStackError], bool],
    *,
    times: int,
    pause: float,
    clock: Clock,
    report: Report = silent,
) -> T:
    """Returns what `action` returns; while its error is temporary it is called again, at most `times` times.

    Pauses double, from `pause` seconds, and are as long as the service asks for; `report` is called with the reason of
    each. Raises the first error that is not temporary, or the last.
    """
    again = 0
    while True:
        try:
            done = action()
            break
        except SearchStackError as error:
            if again == times or not is_temporary(error):
                raise
            wait = max(pause, error.retry_after)
            report(f"trying again in {wait:g} s: {error}")
        clock.sleep(wait)
        again, pause = again + 1, pause * 2
    if again:
        report("")
    return done


def retry_while_rejected(action: Callable[[], object], reason: str, *, clock: Clock) -> None:
    """Calls `action` up to six times within 8 s while the service rejects it with a reason that contains `reason`.

    Raises Rejected: another reason, or the last.
    """

    def is_temporary(error: SearchStackError) -> bool:
        return isinstance(error, Rejected) and reason in error.reason

    retry(action, is_temporary, times=5, pause=0.25, clock=clock)
