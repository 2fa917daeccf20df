"""Pulumi's dynamic-provider protocol, for every kind.

Pulumi pickles a provider into the state of every resource: module and class names are part of the state format.
"""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

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
from typing_extensions import Self

from . import host, values
from .adoption import is_adopted, require_may_be_made_anew
from .errors import ApiError, NotFound, NotOwned, SearchStackError, SqlError, Unavailable
from .kind import AnyKind, LastRun, Services
from .ownership import new_uid
from .program import DEBUG, leave_to_registration, short_stack_trace
from .properties import Inputs, Properties, State, prop

Props = dict[str, Any]

LAST_RUN = "last_run"
"""An input of every resource of a run that follows one that did not end well. `check` takes it out: state has none."""

_services: Services | None = None
_services_lock = threading.Lock()


class DynamicProvider(ResourceProvider):
    """Runs a `Kind` under Pulumi. Holds nothing but a reference to its kind, so its pickle is two names."""

    serialize_as_secret_always = False  # the pickle holds names, no secrets

    def __init__(self, kind: type[AnyKind]) -> None:
        self.kind = kind

    def __reduce__(self) -> tuple[type[DynamicProvider], tuple[type[AnyKind]]]:
        return DynamicProvider, (self.kind,)  # without a dict: the SDK's pickler breaks down on many of those

    def configure(self, req: ConfigureRequest) -> None:
        """Opens the services that the Connection names, once a process."""
        self.bind(_open(self.kind, req.config.get))

    def bind(self, services: Services) -> None:
        """Acts on these services from now on."""
        self._bound = self.kind(services, host.report, host.warn)

    def check(self, _olds: Props, news: Props) -> CheckResult:
        """Validates the inputs, all mistakes at once, and fills in defaults. Asks no service."""
        services = self._bound.services
        services.declares, services.last_run = True, news.get(LAST_RUN, "ended")
        with self._one_line_errors(news):
            inputs, wrong = values.check(self.kind.inputs_type, news)
            return CheckResult(inputs, [CheckFailure("", mistake) for mistake in wrong])

    def diff(self, id: str, olds: Props, news: Props) -> DiffResult:
        """Says which changes replace; the engine compares the inputs. Asks no service where the last run ended well."""
        with self._one_line_errors(olds, news):
            self._bound.services.declared_uids.add(olds.get("uid", ""))
            if self._bound.services.last_run == "ended":
                return self._planned(olds, news)
            return self._diff_with_object(id, olds, news)

    def _planned(self, olds: Props, news: Props, changes: bool | None = None) -> DiffResult:
        plan, identity = values.plan_change(self.kind, olds, news), self.kind.identity
        in_the_way = bool(plan.replaces and identity) and not identity & plan.replaces
        return DiffResult(changes=changes, replaces=sorted(plan.replaces), delete_before_replace=in_the_way)

    def _diff_with_object(self, id: str, olds: Props, news: Props) -> DiffResult:
        """Compares with the object as it is now, as `pulumi up --refresh` does: one that is gone is made again."""
        state = values.parse_state(self.kind.state_type, olds)
        try:
            shown = self._read(id, state)
        except NotFound:
            return DiffResult(changes=True, replaces=["uid"], delete_before_replace=False)
        declared = {name: value for name, value in news.items() if name in self.kind.inputs_type.model_fields}
        same = shown.uid == state.uid and self._inputs(shown).dumped() == declared
        drifted = not same or self.kind.not_ready_reason(shown) is not None
        return self._planned(shown.dumped(), news, drifted or None)

    def create(self, props: Props) -> CreateResult:
        """Takes over what is ours already, or makes the object, and waits until it can be used."""
        with self._one_line_errors(props):
            inputs, uid = self.kind.inputs_type.model_validate(props), new_uid()
            self._bound.services.declared_uids.add(uid)
            self._bound.services.check_connectivity()
            id, adopted = _make(self._bound, inputs, uid)
            return CreateResult(id, self._settle(id, inputs, uid, props, adopted=adopted))

    def read(self, id: str, props: Props) -> ReadResult:
        """Shows the object as it is; one that is not ready is kept, with the reason."""
        with self._one_line_errors(props):
            state = values.parse_state(self.kind.state_type, props)
            try:
                shown = self._read(id, state)
            except NotFound:
                host.warn(f"{id} is gone: `pulumi up` makes it again while it is declared")
                return ReadResult("", {})  # Pulumi's form of "gone"; None crashes its host
            shown = shown.model_copy(update={"uid": state.uid, "adopted": state.adopted})
            inputs = self._inputs(shown)
            with self._kept(id, shown, inputs, props):
                if (reason := self.kind.not_ready_reason(shown)) is not None:
                    raise SearchStackError(reason)
            return ReadResult(id, shown.dumped(), inputs.dumped())

    def update(self, id: str, olds: Props, news: Props) -> UpdateResult:
        """Changes the object in place, and waits until it can be used."""
        with self._one_line_errors(olds, news):
            old, new = values.parse_state(self.kind.state_type, olds), self.kind.inputs_type.model_validate(news)
            uid = old.uid or new_uid()
            self._bound.services.check_connectivity()
            shown, before = self._require_still_owned(id, old), old.model_copy(update={"uid": uid})
            with self._kept(id, before, new, news, olds, errors=(ApiError, SqlError)):  # it may be half changed
                self._bound.update(id, shown, new, uid)
            return UpdateResult(self._settle(id, new, uid, news, adopted=old.adopted))

    def delete(self, id: str, props: Props) -> None:
        """Deletes the object unless a create of the running program, or somebody else, took it over."""
        with self._one_line_errors(props), suppress(NotFound):
            state = values.parse_state(self.kind.state_type, props)
            try:
                self._delete_ours(id, state)
            except SqlError:  # the answer was lost, or somebody else was faster
                self._delete_ours(id, state)  # which looks first

    def _read(self, id: str, state: State) -> State:
        """Returns the object as it is. Raises NotFound, and Refused for an adopted one that is gone."""
        try:
            shown: State = self._bound.read(id, state)
        except NotFound as error:
            require_may_be_made_anew(error, id, state)
            raise
        return shown

    def _delete_ours(self, id: str, state: State) -> None:
        shown = self._bound.read_owner(id, state)
        if state.uid and (shown.uid == state.uid or self._was_written_late(shown, state)):
            self._bound.delete(id, shown)
        elif state.uid and not shown.uid:
            host.warn(f"{id} no longer carries our owner reference and is left alone: delete it if it was ours")

    def _was_written_late(self, shown: State, state: State) -> bool:
        """Tells whether a killed run's request, which came late, gave the object another uid of the same owner.

        A create that took it over is of a resource that the program declares. A destroy leaves what it is to the
        garbage collector.
        """
        services, ours = self._bound.services, shown.owner == state.owner and shown.uid != ""
        return services.declares and ours and shown.uid not in services.declared_uids

    def _require_still_owned(self, id: str, old: State) -> State:
        """Returns the object as it is. Raises NotOwned when somebody else took it over, SearchStackError without it.

        Another uid of the same owner is of a killed run's create that came late: of the resources in state that name
        one object only the one that nothing replaces is ever updated, and its update writes the uid in state again.
        """
        try:
            shown = self._read(id, old)
        except NotFound as error:
            raise SearchStackError(f"{error}; it is gone: run `pulumi up --refresh` to make it again") from error
        if shown.uid not in ("", old.uid) and shown.owner != old.owner:
            raise NotOwned(f"{id} was taken over by {shown.owner or 'somebody else'}; run `pulumi refresh` and look")
        return shown

    def _settle(self, id: str, inputs: Inputs, uid: str, props: Props, *, adopted: bool) -> Props:
        """Waits until the object can be used and returns its state; if that fails, Pulumi keeps it with the reason."""
        known = self.kind.state_type.model_construct(**dict(inputs), uid=uid, adopted=adopted)
        with self._kept(id, known, inputs, props):
            state: State = self._bound.bring_up(id, inputs, uid)
            return state.model_copy(update={"adopted": adopted}).dumped()

    def _inputs(self, state: State) -> Inputs:
        return self.kind.inputs_type.model_construct(
            **{name: getattr(state, name) for name in self.kind.inputs_type.model_fields}
        )

    @contextmanager
    def _kept(
        self,
        id: str,
        state: State,
        inputs: Inputs,
        props: Props,
        *others: Props,
        errors: tuple[type[SearchStackError], ...] = (SearchStackError,),
    ) -> Iterator[None]:
        """An error in here is about an object that exists: Pulumi keeps it, with the reason."""
        provider = {name: props[name] for name in ("__provider",) if name in props}
        try:
            yield
        except errors as error:
            reason = self._hide(str(error), props, *others)
            host.unfinished(id, {**state.dumped(), **provider}, {**inputs.dumped(), **provider}, reason)

    def _one_line_errors(self, *props: Props) -> AbstractContextManager[None]:
        return _one_line_errors(lambda text: self._hide(text, *props))

    def _hide(self, text: str, *props: Props) -> str:
        ours = [secret for each in props for secret in values.secrets(self.kind.inputs_type, each)]
        return values.hide(text, ours + self._bound.services.secrets())


class Resource(Properties, pulumi.dynamic.Resource):
    """What a person writes to declare one object of a kind.

    A subclass names its `kind` and has the properties of the kind's inputs, which are its keyword arguments.
    """

    kind: ClassVar[type[AnyKind]]

    if TYPE_CHECKING:
        resource_name: str = prop(kw_only=False)
        opts: pulumi.ResourceOptions | None = prop(default=None)
    else:

        def __init__(
            self, resource_name: str, *, opts: pulumi.ResourceOptions | None = None, **properties: Any
        ) -> None:
            inputs, state = self.kind.inputs_type, self.kind.state_type
            _require_known(type(self).__name__, properties, inputs)
            given = {name: value for name, value in properties.items() if value is not None}
            computed = dict.fromkeys(state.model_fields.keys() - inputs.model_fields.keys())
            hidden = {name: pulumi.Output.secret(given[name]) for name in inputs.secret() & given.keys()}
            secret = pulumi.ResourceOptions(additional_secret_outputs=sorted(inputs.secret()))
            declared = {**computed, **dict.fromkeys(inputs.model_fields), **given, **hidden}
            with short_stack_trace():
                super().__init__(
                    DynamicProvider(self.kind),
                    resource_name,
                    {**declared, "owner": owner_of(resource_name)},
                    pulumi.ResourceOptions.merge(opts, secret),
                )
            leave_to_registration(self)

    @classmethod
    def declare(cls, resource_name: str, inputs: Inputs, opts: pulumi.ResourceOptions | None = None) -> Self:
        """Declares the object that `inputs` describe, any of which may be an Output."""
        return cls(resource_name, opts=opts, **inputs.declared())


def declared_after(last_run: LastRun) -> pulumi.ResourceOptions | None:
    """Returns the options of a component so that its resources are compared with their objects, not state alone.

    None where the last run ended well, so that state knows them.
    """
    if last_run == "ended":
        return None

    def mark(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if not isinstance(args.resource, Resource):
            return None
        return pulumi.ResourceTransformationResult({**args.props, LAST_RUN: last_run}, args.opts)

    return pulumi.ResourceOptions(transformations=[mark])


def _require_known(resource: str, properties: Props, inputs: type[Inputs]) -> None:
    if unknown := sorted(properties.keys() - (inputs.model_fields.keys() - {"owner"})):
        raise TypeError(f"{resource} has no property {', '.join(unknown)}")


def owner_of(resource_name: str) -> str:
    """Returns the owner of what a resource of this program declares: `<project>/<stack>/<resource name>`."""
    return f"{pulumi.get_project()}/{pulumi.get_stack()}/{resource_name}"


def _make(kind: AnyKind, inputs: Inputs, uid: str) -> tuple[str, bool]:
    """Returns the id of the object, found or made, and whether it was adopted.

    An answer that was lost is looked for, never asked for twice.
    """
    if (found := kind.take_over(inputs, uid)) is not None:
        kind.services.took_over |= bool(found[1].owner == inputs.owner and found[1].uid)
        return found[0], is_adopted(found[1], inputs.owner)
    try:
        return kind.create(inputs, uid), False
    except (Unavailable, SqlError) as error:
        if not _may_have_acted(error) or (id := kind.recover(inputs, uid)) is None:
            raise
        return id, False


def _may_have_acted(error: Unavailable | SqlError) -> bool:
    return error.answer_lost if isinstance(error, SqlError) else not error.not_processed


def _open(kind: type[AnyKind], setting: Callable[[str], str | None]) -> Services:
    """Returns the process's services: every kind is configured with the same values."""
    global _services
    with _services_lock:
        if _services is None:
            host.widen()
            host.exit_with_the_engine()
            _services = kind.connect(setting, os.environ, host.report, host.warn)
        return _services


@contextmanager
def _one_line_errors(hide: Callable[[str], str]) -> Iterator[None]:
    """An error in here reaches a person as one line, without secrets and without a traceback."""
    with host.hiding(hide):
        try:
            yield
        except host.Failure:
            raise
        except SearchStackError as error:
            host.fail(hide(str(error)))
        except Exception as error:
            host.fail(hide(_internal_error(error)))


def _internal_error(error: Exception) -> str:
    if os.environ.get(DEBUG):
        traceback.print_exc()
    where = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{where.name}, {Path(where.filename).name}:{where.lineno}"
    text = " ".join(str(error).split())
    return f"a mistake of ours: {type(error).__name__}: {text} ({place}); set {DEBUG}=1 to see more"
