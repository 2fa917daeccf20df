"""The shape that every kind of resource has: what a kind supplies to the one lifecycle of `provider.py`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

from .plan import Plan, plan_by_field
from .properties import Inputs, State
from .wait import Clock, Report, silent, wait_until

I = TypeVar("I", bound=Inputs)  # noqa: E741  inputs
S = TypeVar("S", bound=State)

LastRun = Literal["ended", "did not end", "resumed"]
"""How a run ended; one that resumed another, which did not end, ended well, but requests of that may come late."""

Setting = Callable[[str], "str | None"]
"""Looks up one value of a Connection; None where it is not set."""


class Services(Protocol):
    """What the lifecycle needs of the services that kinds act on."""

    clock: Clock
    declares: bool
    """Whether a program declares resources in this run; a destroy runs none, and deletes what uses others first."""
    last_run: LastRun
    """How the run before ended. Unless it ended well, state may not know what it did: every object is looked at."""
    took_over: bool
    """Whether a create of this run found what one of the same owner had made: a run before was killed, or took back."""

    declared_uids: set[str]
    """The uids of the resources that the program declares in this run, those that it makes among them."""

    def check_connectivity(self) -> None:
        """Raises SearchStackError where a service cannot be used."""

    def secrets(self) -> list[str]:
        """Returns what is never printed."""


class Kind(ABC, Generic[I, S]):
    """One kind of resource: how the service makes, shows, changes and deletes it. Typed, and free of Pulumi.

    The lifecycle calls `take_over` before `create`, `bring_up` after `create` and `update`, and `delete` only when
    `read_owner` shows that the object is still this resource's. Every method may raise SearchStackError.
    """

    inputs_type: ClassVar[type[Inputs]]
    state_type: ClassVar[type[State]]
    identity: ClassVar[frozenset[str]] = frozenset()
    """Properties that name the object in the service; empty where the service gives it an id of its own."""
    timeout: ClassVar[float] = 300
    """Seconds that `bring_up` waits."""

    def __init__(self, services: Any, report: Report = silent, warn: Report = silent) -> None:
        """`report` shows progress until the next line; what `warn` is called with still stands at the end."""
        self.services, self.report, self.warn = services, report, warn

    @staticmethod
    @abstractmethod
    def connect(setting: Setting, environment: Mapping[str, str], report: Report, warn: Report) -> Services:
        """Returns the services that a Connection names."""

    @classmethod
    def plan(cls, old: I, new: I) -> Plan:
        """Returns what has to happen so that `old` becomes `new`. Pure. Raises Refused for an impossible change."""
        return plan_by_field(old, new)

    @classmethod
    def not_ready_reason(cls, state: S) -> str | None:
        """Returns why the object cannot be used yet, or None. Pure. Raises ResourceFailed when it never can."""
        return None

    @abstractmethod
    def find(self, inputs: I) -> tuple[str, S] | None:
        """Returns id and state of an object that is ours already and can become `inputs` by `update`.

        Returns None when there is none. Raises NotOwned when the name is taken by somebody else's object.
        """

    def take_over(self, inputs: I, uid: str) -> tuple[str, S] | None:
        """Gives an object that is ours already this uid, so that its former owner no longer deletes it.

        Returns its id, and its state as `find` has seen it.
        """
        if (found := self.find(inputs)) is not None:
            id, state = found
            self.update(id, state, inputs, uid)
        return found

    def recover(self, inputs: I, uid: str) -> str | None:
        """Returns the id of what `create` made although its answer was lost; None when it made nothing."""
        found = self.take_over(inputs, uid)
        return found and found[0]

    @abstractmethod
    def create(self, inputs: I, uid: str) -> str:
        """Makes the object with its owner reference, and returns its id."""

    def bring_up(self, id: str, inputs: I, uid: str) -> S:
        """Returns the object's state once it can be used; `uid` is the one it was just written with.

        A kind whose write the service acknowledges as a whole need not read it again. Raises WaitTimeout,
        ResourceFailed.
        """
        return wait_until(
            lambda: self.read(id, inputs),
            self.not_ready_reason,
            timeout=self.timeout,
            clock=self.services.clock,
            report=self.report,
        )

    @abstractmethod
    def read(self, id: str, declared: I) -> S:
        """Returns the object as the service shows it; `declared` fills in what it does not show, such as secrets.

        Raises NotFound when it is gone.
        """

    def read_owner(self, id: str, state: S) -> S:
        """Returns as much of the object as tells whether it is still ours, for `delete`. Raises NotFound."""
        return self.read(id, state)  # type: ignore[arg-type]  # a kind's state extends its inputs

    @abstractmethod
    def update(self, id: str, old: S, new: I, uid: str) -> None:
        """Makes the object, which `old` shows as it is now, `new`, with this uid.

        Sends the whole object: it may run twice, and with nothing changed, to bring up what is not ready.
        """

    @abstractmethod
    def delete(self, id: str, state: S) -> None:
        """Deletes the object. Raises NotFound when it is gone already, Refused when that would lose protected data."""


AnyKind = Kind[Any, Any]
