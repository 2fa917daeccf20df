"""A toy kind whose service is a dictionary, under Pulumi's dynamic-provider protocol."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from providers.kit import (
    Immutable,
    Inputs,
    Kind,
    Nested,
    NotFound,
    NotOwned,
    Properties,
    Property,
    Refused,
    Secret,
    State,
    Unavailable,
    prop,
)

JUG = {"owner": "p/s/jug", "name": "jug", "size": 1, "parts": [], "credential": {"key": "sk-secret"}}


class Slot(Nested):
    """A nested value."""

    width: int


class JugProperties(Properties):
    """What is declared."""

    name: Immutable[str]
    material: Immutable[str] = prop(default="clay")
    size: Property[int] = prop(default=1, ge=1)
    parts: Property[list[Slot]] = prop(default=[])
    credential: Secret[dict[str, str] | None] = prop(default=None)


class JugInputs(JugProperties, Inputs):
    """What is declared."""


class JugState(JugInputs, State):
    """What the service shows, all but the credential."""

    dry: Property[bool] = prop(default=True)


@dataclass
class Shelf:
    """The service: jugs by name; what its next verbs raise; how often each was called."""

    jugs: dict[str, JugState] = field(default_factory=dict)
    raises: dict[str, list[Exception | None]] = field(default_factory=dict)
    called: list[str] = field(default_factory=list)
    wet: bool = False

    def met(self, verb):
        self.called.append(verb)
        if error := (self.raises.get(verb) or [None]).pop(0):
            raise error


class JugKind(Kind):
    """Jugs: ready once dry. The shelf comes in as the service that other kinds search."""

    inputs_type, state_type, timeout = JugInputs, JugState, 10

    @staticmethod
    def connect(setting, environment, report, warn):
        raise AssertionError("a test binds its services")

    @property
    def shelf(self):
        return self.services.search

    @classmethod
    def not_ready_reason(cls, state):
        return None if state.dry else f"jug {state.name} is wet"

    def find(self, inputs):
        jug = self.shelf.jugs.get(inputs.name)
        if jug and jug.owner != inputs.owner:
            raise NotOwned(f"jug {inputs.name} belongs to {jug.owner}")
        return (inputs.name, jug) if jug else None

    def create(self, inputs, uid):
        jug = JugState.model_construct(**dict(inputs), uid=uid, dry=not self.shelf.wet)
        if not any(isinstance(error, Refused) for error in self.shelf.raises.get("create", [])):
            self.shelf.jugs[inputs.name] = jug
        self.shelf.met("create")
        return inputs.name

    def read(self, id, declared):
        self.shelf.met("read")
        if id not in self.shelf.jugs:
            raise NotFound(f"GET /{id}", 404, "no such jug")
        return self.shelf.jugs[id].model_copy(update={"credential": declared.credential})

    def update(self, id, old, new, uid):
        self.shelf.met("update")
        self.shelf.jugs[id] = JugState.model_construct(**dict(new), uid=uid, dry=not self.shelf.wet)

    def delete(self, id, state):
        self.shelf.met("delete")
        del self.shelf.jugs[id]


class Cupboard:
    """Connections whose search service is a shelf."""

    def __init__(self, shelf, clock):
        self.search, self.clock, self.checked = shelf, clock, 0

    def check_connectivity(self):
        self.checked += 1

    def secrets(self):
        return ["password-of-search"]


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def jugs_that(drive, shelf, clock):
    """Jugs with some of the kind's words changed: `jugs_that(identity=frozenset({"name"}))`."""
    return lambda **words: drive(type("OtherJugKind", (JugKind,), words), Cupboard(shelf, clock))


@pytest.fixture
def jugs(jugs_that):
    return jugs_that()


@pytest.fixture
def jug():
    """What is declared."""
    return dict(JUG)


@pytest.fixture
def lost():
    """The service may have acted."""
    return Unavailable("PUT /jug", None, "no answer", not_processed=False)


@pytest.fixture
def busy():
    """The service has not acted."""
    return Unavailable("PUT /jug", 503, "not now", not_processed=True)
