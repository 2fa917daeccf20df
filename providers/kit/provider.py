"""Pulumi's dynamic-provider protocol, spoken once for every kind.

Pulumi pickles a provider into the state of every resource: module and class names are part of the state format.
"""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from . import host, values
from .connections import Connections
from .errors import NotFound, NotOwned, SearchStackError, Unavailable
from .fields import Inputs, State
from .kind import AnyKind
from .ownership import new_incarnation

Props = dict[str, Any]
DEBUG = "POLARSEARCH_DEBUG"

_connections: Connections | None = None
_connections_lock = threading.Lock()


class DynamicProvider(ResourceProvider):
    """Runs a `Kind` under Pulumi. Holds nothing but a reference to its kind, so its pickle is two names."""

    serialize_as_secret_always = False  # the pickle holds names, no secrets

    def __init__(self, kind: type[AnyKind]) -> None:
        self.kind = kind

    def __reduce__(self) -> tuple[type[DynamicProvider], tuple[type[AnyKind]]]:
        return DynamicProvider, (self.kind,)  # without a dict: the SDK's pickler breaks down on many of those

    def configure(self, req: ConfigureRequest) -> None:
        self.bind(_open(req.config.get))

    def bind(self, connections: Connections) -> None:
        """Act at these services from now on."""
        self._bound = self.kind(connections, host.tell, host.warn)

    def check(self, _olds: Props, news: Props) -> CheckResult:
        with self._spoken(news):
            failures = [CheckFailure("", failure) for failure in values.mistakes(self.kind.inputs_type, news)]
            return CheckResult(news if failures else values.normalise(self.kind.inputs_type, news), failures)

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        with self._spoken(olds, news):
            plan, identity = values.change(self.kind, olds, news), self.kind.identity
            in_the_way = bool(plan.replaces and identity) and not identity & plan.replaces
            return DiffResult(changes=None, replaces=sorted(plan.replaces), delete_before_replace=in_the_way)

    def create(self, props: Props) -> CreateResult:
        with self._spoken(props):
            inputs, incarnation = self.kind.inputs_type.model_validate(props), new_incarnation()
            self._bound.connections.reach()
            id = _make(self._bound, inputs, incarnation)
            return CreateResult(id, self._settle(id, inputs, incarnation, props))

    def read(self, id: str, props: Props) -> ReadResult:
        with self._spoken(props):
            state = values.as_it_was(self.kind.state_type, props)
            try:
                shown = self._bound.read(id, state)
            except NotFound:
                return ReadResult("", {})  # Pulumi's word for "gone"; None would crash its host
            shown = shown.model_copy(update={"incarnation": state.incarnation})
            inputs = self._inputs(shown)
            with self._kept(id, shown, inputs, props):
                if (reason := self.kind.pending(shown)) is not None:
                    raise SearchStackError(reason)
            return ReadResult(id, shown.dumped(), inputs.dumped())

    def update(self, id: str, olds: Props, news: Props) -> UpdateResult:
        with self._spoken(olds, news):
            old, new = values.as_it_was(self.kind.state_type, olds), self.kind.inputs_type.model_validate(news)
            incarnation = old.incarnation or new_incarnation()
            self._bound.connections.reach()
            self._bound.update(id, self._still_ours(id, old), new, incarnation)
            return UpdateResult(self._settle(id, new, incarnation, news))

    def delete(self, id: str, props: Props) -> None:
        with self._spoken(props), suppress(NotFound):
            state = values.as_it_was(self.kind.state_type, props)
            shown = self._bound.read(id, state)
            if state.incarnation and shown.incarnation == state.incarnation:
                self._bound.delete(id, shown)
            elif state.incarnation and not shown.incarnation:
                host.warn(f"{id} no longer carries our mark, so it is left alone: delete it yourself if it was ours")

    def _still_ours(self, id: str, old: State) -> State:
        """The object as it is now. Raises NotOwned when another create took it over, NotFound when it is gone."""
        try:
            shown: State = self._bound.read(id, old)
        except NotFound as error:
            raise SearchStackError(f"{error}; it is gone: run `pulumi up --refresh` to make it again") from error
        if shown.incarnation not in ("", old.incarnation):
            raise NotOwned(f"{id} was taken over by {shown.owner or 'somebody else'}; run `pulumi refresh` and look")
        return shown

    def _settle(self, id: str, inputs: Inputs, incarnation: str, props: Props) -> Props:
        """Wait until the object can be used and show it; if that fails, Pulumi keeps it with the reason."""
        known = self.kind.state_type.model_construct(**dict(inputs), incarnation=incarnation)
        with self._kept(id, known, inputs, props):
            self._bound.ready(id, inputs)
            state: State = self._bound.read(id, inputs)
            return state.dumped()

    def _inputs(self, state: State) -> Inputs:
        return self.kind.inputs_type.model_construct(
            **{name: getattr(state, name) for name in self.kind.inputs_type.model_fields}
        )

    @contextmanager
    def _kept(self, id: str, state: State, inputs: Inputs, props: Props) -> Iterator[None]:
        """An error in here is about an object that exists: Pulumi keeps it, with the reason."""
        provider = {name: props[name] for name in ("__provider",) if name in props}
        try:
            yield
        except SearchStackError as error:
            reason = self._hide(str(error), props)
            host.unfinished(id, {**state.dumped(), **provider}, {**inputs.dumped(), **provider}, reason)

    def _spoken(self, *props: Props) -> AbstractContextManager[None]:
        return _spoken(lambda text: self._hide(text, *props))

    def _hide(self, text: str, *props: Props) -> str:
        ours = [secret for each in props for secret in values.secrets(self.kind.inputs_type, each)]
        return values.hide(text, ours + self._bound.connections.secrets())


class Resource(pulumi.dynamic.Resource):
    """What a person writes to declare one object of a kind."""

    kind: ClassVar[type[AnyKind]]

    def __init__(self, resource_name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions | None) -> None:
        inputs, state = self.kind.inputs_type, self.kind.state_type
        computed = dict.fromkeys(state.model_fields.keys() - inputs.model_fields.keys())
        hidden = {name: pulumi.Output.secret(props[name]) for name in inputs.secret() if props.get(name) is not None}
        secret = pulumi.ResourceOptions(additional_secret_outputs=sorted(inputs.secret()))
        declared = {**computed, **props, **hidden, "owner": owner_of(resource_name)}
        super().__init__(
            DynamicProvider(self.kind), resource_name, declared, pulumi.ResourceOptions.merge(opts, secret)
        )


def owner_of(resource_name: str) -> str:
    """The owner of what a resource of this program declares: `<project>/<stack>/<resource name>`."""
    return f"{pulumi.get_project()}/{pulumi.get_stack()}/{resource_name}"


def _make(kind: AnyKind, inputs: Inputs, incarnation: str) -> str:
    """The id of the object, found or made. An answer that was lost is looked for, never asked for twice."""
    if (id := kind.take_over(inputs, incarnation)) is not None:
        return id
    try:
        return kind.create(inputs, incarnation)
    except Unavailable as error:
        if error.refused or (id := kind.recover(inputs, incarnation)) is None:
            raise
        return id


def _open(setting: Callable[[str], str | None]) -> Connections:
    """The process's connections: every kind is configured with the same values."""
    global _connections
    with _connections_lock:
        if _connections is None:
            host.widen()
            host.leave_with_the_engine()
            _connections = Connections(setting, os.environ, tell=host.tell)
        return _connections


@contextmanager
def _spoken(hide: Callable[[str], str]) -> Iterator[None]:
    """An error in here reaches a person as one line, without secrets and without a traceback."""
    with host.working(hide):
        try:
            yield
        except host.Failure:
            raise
        except SearchStackError as error:
            host.fail(hide(str(error)))
        except Exception as error:
            host.fail(hide(_mistake_of_ours(error)))


def _mistake_of_ours(error: Exception) -> str:
    if os.environ.get(DEBUG):
        traceback.print_exc()
    where = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{where.name}, {Path(where.filename).name}:{where.lineno}"
    return f"a mistake of ours: {type(error).__name__}: {error} ({place}); set {DEBUG}=1 to see more"
