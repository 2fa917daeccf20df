"""The framework that every kind of resource is made from. It knows Pulumi and no service.

    properties   how a kind declares its properties, once
    plan         what a change of them means: in place, or a replacement
    ownership    whose an object is: owner and uid
    adoption     an object that a person handed over, and that is gone
    errors       everything that is raised, each a line
    wait         waiting and retrying, with a clock that comes in as an argument
    compare      what a service shows, beside what was declared
    kind         the shape of a kind: find, create, bring_up, read, update, delete
    values       Pulumi's property values as a kind's models
    host         the process that the providers run in
    program      the process that a program runs in
    provider     the lifecycle: Pulumi's protocol for every kind, and `Resource`

What is known about PolarSearch and PolarDB is in `providers.services`.
"""

from .adoption import require_may_be_made_anew
from .compare import Json, as_declared, flatten_settings, ints_from_floats, setting_text
from .errors import (
    ApiError,
    NotFound,
    NotOwned,
    Refused,
    Rejected,
    ResourceFailed,
    SearchStackError,
    SqlError,
    Unavailable,
    WaitTimeout,
    deletion_protected,
    pluralize,
    suggest,
)
from .kind import AnyKind, Kind, LastRun, Services
from .ownership import (
    META_KEY,
    OwnerReference,
    describe,
    meta_reference,
    new_uid,
    read_description,
    read_references,
    require_owned,
    with_meta,
)
from .plan import Plan, plan_by_field
from .program import prepare, short_stack_trace
from .properties import (
    Immutable,
    ImmutableSecret,
    Inputs,
    NamedInputs,
    Nested,
    Properties,
    Property,
    Secret,
    State,
    prop,
    when_known,
)
from .provider import DynamicProvider, Resource, declared_after, owner_of
from .values import format_error, hide, parse_state, validation_errors
from .wait import Clock, Report, retry, retry_while_rejected, silent, wait_until

__all__ = [
    "META_KEY",
    "AnyKind",
    "ApiError",
    "Clock",
    "DynamicProvider",
    "Immutable",
    "ImmutableSecret",
    "Inputs",
    "Json",
    "Kind",
    "LastRun",
    "NamedInputs",
    "Nested",
    "NotFound",
    "NotOwned",
    "OwnerReference",
    "Plan",
    "Properties",
    "Property",
    "Refused",
    "Rejected",
    "Report",
    "Resource",
    "ResourceFailed",
    "SearchStackError",
    "Secret",
    "Services",
    "SqlError",
    "State",
    "Unavailable",
    "WaitTimeout",
    "as_declared",
    "declared_after",
    "deletion_protected",
    "describe",
    "flatten_settings",
    "format_error",
    "hide",
    "ints_from_floats",
    "meta_reference",
    "new_uid",
    "owner_of",
    "parse_state",
    "plan_by_field",
    "pluralize",
    "prepare",
    "prop",
    "read_description",
    "read_references",
    "require_may_be_made_anew",
    "require_owned",
    "retry",
    "retry_while_rejected",
    "setting_text",
    "short_stack_trace",
    "silent",
    "suggest",
    "validation_errors",
    "wait_until",
    "when_known",
    "with_meta",
]
