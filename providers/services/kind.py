"""What every kind of object in a PolarDB cluster has: its two services, and answers about many objects at a time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from providers.kit import Inputs, Kind, NamedInputs, NotFound, OwnerReference, Report, State, require_owned
from providers.kit.kind import Setting

from .connections import Connections
from .inventory import Inventory

if TYPE_CHECKING:
    from .http import SearchClient
    from .sql import Database

I = TypeVar("I", bound=Inputs)  # noqa: E741  inputs
N = TypeVar("N", bound=NamedInputs)
S = TypeVar("S", bound=State)


class ClusterKind(Kind[I, S]):
    """A kind of object in PolarSearch or PolarDB."""

    services: Connections

    @staticmethod
    def connect(setting: Setting, environment: Mapping[str, str], report: Report, warn: Report) -> Connections:
        return Connections(setting, environment, report=report, warn=warn)

    @property
    def search(self) -> SearchClient:
        """PolarSearch."""
        return self.services.search

    @property
    def database(self) -> Database:
        """PolarDB."""
        return self.services.database

    def is_ours(self, inputs: I, inventory: Inventory) -> bool:
        """Tells whether the object exists and is ours. Raises NotOwned when the name is somebody else's."""
        return self.find(inputs) is not None

    def require_possible(self, inputs: I, inventory: Inventory) -> None:
        """Raises Refused where the object cannot be made, whatever of what `inputs` name exists already."""


class RecordKind(ClusterKind[I, S]):
    """A kind of which nothing is at a service: state alone has it. The id is the owner."""

    def find(self, inputs: I) -> None:
        return None

    def create(self, inputs: I, uid: str) -> str:
        return inputs.owner

    def bring_up(self, id: str, inputs: I, uid: str) -> S:
        return self._shown(dict(inputs), uid=uid)

    def read(self, id: str, declared: I) -> S:
        """Shows no uid after a run that did not end, since no service keeps one: such a record is written again."""
        lost = {"uid": ""} if self.services.last_run == "did not end" else {}
        return self._shown({**dict(declared), **lost})

    def read_owner(self, id: str, state: S) -> S:
        return state

    def update(self, id: str, old: S, new: I, uid: str) -> None:
        """Nothing of it is at a service."""

    def _shown(self, declared: Mapping[str, Any], **more: Any) -> S:
        return cast("S", self.state_type.model_construct(**declared, **more))


AnyClusterKind = ClusterKind[Any, Any]


class NamedKind(ClusterKind[N, S]):
    """A kind whose objects the service knows by the name a person gives them, and that one request writes whole."""

    identity = frozenset({"name"})
    noun: ClassVar[str]
    """What one is called in messages."""

    @abstractmethod
    def write(self, inputs: N, uid: str) -> None:
        """Makes the object, or makes it new, with its owner reference."""

    def require_owned(self, inputs: N, reference: OwnerReference) -> None:
        """Raises NotOwned unless the object carries the owner of `inputs`."""
        require_owned(f"{self.noun} {inputs.name}", reference, inputs.owner)

    def find(self, inputs: N) -> tuple[str, S] | None:
        try:
            state = self.read(inputs.name, inputs)
        except NotFound:
            return None
        self.require_owned(inputs, OwnerReference(state.owner, state.uid))
        return inputs.name, state

    def create(self, inputs: N, uid: str) -> str:
        self.write(inputs, uid)
        return inputs.name

    def update(self, id: str, old: S, new: N, uid: str) -> None:
        self.write(new, uid)
