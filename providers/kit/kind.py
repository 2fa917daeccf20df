"""The shape every resource kind has: what a kind supplies to the one lifecycle of `provider.py`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

from .connections import Connections
from .errors import NotFound
from .fields import Inputs, NamedInputs, State
from .http import SearchClient
from .ownership import Mark, require_ours
from .plan import Plan, plan_by_field
from .sql import Database
from .wait import wait_until

I = TypeVar("I", bound=Inputs)  # noqa: E741  inputs
N = TypeVar("N", bound=NamedInputs)
S = TypeVar("S", bound=State)


class Kind(ABC, Generic[I, S]):
    """One kind of resource: how the service makes, shows, changes and drops it. Typed, and free of Pulumi.

    The lifecycle calls `find` before `create`, `ready` and then `read` after `create` and `update`, and `delete` only
    when `read` shows the incarnation that state knows. Every verb may raise SearchStackError.
    """

    inputs_type: ClassVar[type[Inputs]]
    state_type: ClassVar[type[State]]
    identity: ClassVar[frozenset[str]] = frozenset()
    """Properties that name the object in the service; empty where the service gives it an id of its own."""
    patience: ClassVar[float] = 300
    """Seconds that `ready` waits."""

    def __init__(
        self,
        connections: Connections,
        tell: Callable[[str], None] = lambda _: None,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`tell` shows how far something is until there is news; what `warn` hears is still shown at the end."""
        self.connections, self.tell, self.warn = connections, tell, warn

    @property
    def search(self) -> SearchClient:
        return self.connections.search

    @property
    def database(self) -> Database:
        return self.connections.database

    @classmethod
    def plan(cls, old: I, new: I) -> Plan:
        """What has to happen so that `old` becomes `new`. Pure. Raises Refused for a change that is never made."""
        return plan_by_field(old, new)

    @classmethod
    def pending(cls, state: S) -> str | None:
        """What still has to happen before the object can be used. Pure. Raises ResourceFailed when it never will."""
        return None

    @abstractmethod
    def find(self, inputs: I) -> str | None:
        """The id of an object that is ours already and can become `inputs` by `update`; None when there is none.

        Raises NotOwned when the name is taken by somebody else's object.
        """

    def take_over(self, inputs: I, incarnation: str) -> str | None:
        """What is ours already becomes this incarnation, so that whoever knows the former one no longer deletes it."""
        id = self.find(inputs)
        if id is not None:
            self.update(id, self.read(id, inputs), inputs, incarnation)
        return id

    def recover(self, inputs: I, incarnation: str) -> str | None:
        """The id of what `create` made though its answer was lost; None when it made nothing."""
        return self.take_over(inputs, incarnation)

    def require_possible(self, inputs: I) -> None:
        """Raises Refused where the object cannot be made here, whatever is there already of what `inputs` name."""

    @abstractmethod
    def create(self, inputs: I, incarnation: str) -> str:
        """Make the object, marked, and return its id."""

    def ready(self, id: str, inputs: I) -> None:
        """Return once the object can be used."""
        wait_until(
            lambda: self.read(id, inputs),
            self.pending,
            timeout=self.patience,
            clock=self.connections.clock,
            tell=self.tell,
        )

    @abstractmethod
    def read(self, id: str, declared: I) -> S:
        """The object as the service shows it; `declared` fills in what it does not show, such as secrets.

        Raises NotFound when it is gone.
        """

    @abstractmethod
    def update(self, id: str, old: S, new: I, incarnation: str) -> None:
        """Make the object, which `old` shows as it is now, `new`, marked with `incarnation`.

        May run twice, and with nothing changed, to bring up what is not ready: it sends the whole object.
        """

    @abstractmethod
    def delete(self, id: str, state: S) -> None:
        """Drop the object. Raises NotFound when it is already gone, Refused when that would lose protected data."""


AnyKind = Kind[Any, Any]


class NamedKind(Kind[N, S]):
    """A kind whose objects the service knows by the name a person gave them, and that one request writes whole."""

    identity = frozenset({"name"})
    called: ClassVar[str]
    """What a person calls one."""

    @abstractmethod
    def write(self, inputs: N, incarnation: str) -> None:
        """Make the object, or make it new, marked."""

    @abstractmethod
    def handover(self, inputs: N, state: S) -> str:
        """How a person hands an object over that is not ours, so that it becomes `inputs`."""

    def find(self, inputs: N) -> str | None:
        try:
            state = self.read(inputs.name, inputs)
        except NotFound:
            return None
        mark = Mark(state.owner, state.incarnation)
        require_ours(f"{self.called} {inputs.name}", mark, inputs.owner, self.handover(inputs, state))
        return inputs.name

    def create(self, inputs: N, incarnation: str) -> str:
        self.write(inputs, incarnation)
        return inputs.name

    def update(self, id: str, old: S, new: N, incarnation: str) -> None:
        self.write(new, incarnation)
