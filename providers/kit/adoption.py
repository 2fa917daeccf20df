"""Adoption: a person hands an object over to a stack by an owner reference without a uid.

State remembers it, since what is in such an object (the vectors of an index, say) is not in one that is made anew. So
where it is gone, a new one is made only if a person asks for it by name.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping

from .errors import NotFound, Refused
from .properties import State

MAKE_ANEW = "POLARSEARCH_MAKE_ANEW"
"""Holds the ids of adopted objects that may be made anew, separated by spaces."""


def is_adopted(found: State, owner: str) -> bool:
    """Tells whether an object that a create of `owner` found was handed over to it."""
    return found.owner == owner and not found.uid


def require_may_be_made_anew(
    gone: NotFound, id: str, state: State, environment: Mapping[str, str] = os.environ
) -> None:
    """Raises Refused for an adopted object that is gone, unless the environment names it."""
    if state.adopted and id not in environment.get(MAKE_ANEW, "").split():
        raise Refused(
            f"{gone}; {id} was adopted, so no new one is made in its place: it may have been deleted, renamed or "
            f"restored elsewhere; bring it back, or to have a new one made, run "
            f"`{MAKE_ANEW}={shlex.quote(id)} pulumi up --refresh`"
        )
