"""What a resource kind is made from. A kind imports from here and from nowhere else in `providers`."""

from .compare import Json, as_declared, flatten, grows, text_of, whole
from .connections import Connections
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
    counted,
    protected,
)
from .fields import Immutable, Inputs, NamedInputs, Part, Secret, State
from .http import SearchClient
from .kind import AnyKind, Kind, NamedKind
from .meta import alias_place, handover, index_marks, mark_at, read_meta, rewrite_meta, write_mark
from .ownership import META_KEY, Mark, describe, meta_mark, read_description, read_marks, require_ours, with_meta
from .plan import Plan, plan_by_field
from .provider import DynamicProvider, Resource, owner_of
from .sql import Database, as_text, quote
from .values import worded
from .version import Version, require_version
from .wait import Clock, insist, wait_until

__all__ = [
    "META_KEY",
    "AnyKind",
    "ApiError",
    "Clock",
    "Connections",
    "Database",
    "DynamicProvider",
    "Immutable",
    "Inputs",
    "Json",
    "Kind",
    "Mark",
    "NamedInputs",
    "NamedKind",
    "NotFound",
    "NotOwned",
    "Part",
    "Plan",
    "Refused",
    "Rejected",
    "Resource",
    "ResourceFailed",
    "SearchClient",
    "SearchStackError",
    "Secret",
    "SqlError",
    "State",
    "Unavailable",
    "Version",
    "WaitTimeout",
    "alias_place",
    "as_declared",
    "as_text",
    "counted",
    "describe",
    "flatten",
    "grows",
    "handover",
    "index_marks",
    "insist",
    "mark_at",
    "meta_mark",
    "owner_of",
    "plan_by_field",
    "protected",
    "quote",
    "read_description",
    "read_marks",
    "read_meta",
    "require_ours",
    "require_version",
    "rewrite_meta",
    "text_of",
    "wait_until",
    "whole",
    "with_meta",
    "worded",
    "write_mark",
]
