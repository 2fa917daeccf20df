"""A kind whose service is a dictionary, called through Pulumi's dynamic-provider protocol."""

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

WIDGET = {"owner": "p/s/widget", "name": "widget", "size": 1, "parts": [], "credential": {"key": "sk-secret"}}


class Slot(Nested):
    """A nested value."""

    width: int


class WidgetProperties(Properties):
    """The properties of a widget."""

    name: Immutable[str]
    material: Immutable[str] = prop(default="steel")
    size: Property[int] = prop(default=1, ge=1)
    parts: Property[list[Slot]] = prop(default=[])
    credential: Secret[dict[str, str] | None] = prop(default=None)


class WidgetInputs(WidgetProperties, Inputs):
    """The inputs of a widget."""


class WidgetState(WidgetInputs, State):
    """The state of a widget; the service shows all of it except the credential."""

    ready: Property[bool] = prop(default=True)


@dataclass
class WidgetService:
    """The service: widgets by name, the errors that its next calls raise, and the calls in order."""

    widgets: dict[str, WidgetState] = field(default_factory=dict)
    raises: dict[str, list[Exception | None]] = field(default_factory=dict)
    called: list[str] = field(default_factory=list)
    starting: bool = False

    def respond(self, verb):
        """Records the call, and raises the error that the test has set for it."""
        self.called.append(verb)
        if error := (self.raises.get(verb) or [None]).pop(0):
            raise error


class WidgetKind(Kind):
    """Widgets, which are ready when the service is no longer starting."""

    inputs_type, state_type, timeout = WidgetInputs, WidgetState, 10

    @staticmethod
    def connect(setting, environment, report, warn):
        raise AssertionError("a test binds its services")

    @property
    def service(self):
        return self.services.search

    @classmethod
    def not_ready_reason(cls, state):
        return None if state.ready else f"widget {state.name} is starting"

    def find(self, inputs):
        widget = self.service.widgets.get(inputs.name)
        if widget and widget.owner != inputs.owner:
            raise NotOwned(f"widget {inputs.name} belongs to {widget.owner}")
        return (inputs.name, widget) if widget else None

    def create(self, inputs, uid):
        widget = WidgetState.model_construct(**dict(inputs), uid=uid, ready=not self.service.starting)
        if not any(isinstance(error, Refused) for error in self.service.raises.get("create", [])):
            self.service.widgets[inputs.name] = widget
        self.service.respond("create")
        return inputs.name

    def read(self, id, declared):
        self.service.respond("read")
        if id not in self.service.widgets:
            raise NotFound(f"GET /{id}", 404, "no such widget")
        return self.service.widgets[id].model_copy(update={"credential": declared.credential})

    def update(self, id, old, new, uid):
        self.service.respond("update")
        self.service.widgets[id] = WidgetState.model_construct(**dict(new), uid=uid, ready=not self.service.starting)

    def delete(self, id, state):
        self.service.respond("delete")
        del self.service.widgets[id]


class WidgetConnections:
    """Connections whose search service is a WidgetService."""

    def __init__(self, service, clock):
        self.search, self.clock, self.checked, self.last_run = service, clock, 0, "ended"
        self.took_over, self.declares, self.declared_uids = False, True, set()

    def check_connectivity(self):
        self.checked += 1

    def secrets(self):
        return ["password-of-search"]


@pytest.fixture
def service():
    return WidgetService()


@pytest.fixture
def widgets_with(drive, service, clock):
    """Drives widgets whose kind has other attributes: `widgets_with(identity=frozenset({"name"}))`."""
    connections = WidgetConnections(service, clock)
    return lambda **attributes: drive(type("OtherWidgetKind", (WidgetKind,), attributes), connections)


@pytest.fixture
def widgets(widgets_with):
    return widgets_with()


@pytest.fixture
def widget():
    """The inputs of a widget."""
    return dict(WIDGET)


@pytest.fixture
def lost():
    """The error of a request that may have been processed."""
    return Unavailable("PUT /widget", None, "no answer", not_processed=False)


@pytest.fixture
def busy():
    """The error of a request that was not processed."""
    return Unavailable("PUT /widget", 503, "not now", not_processed=True)
