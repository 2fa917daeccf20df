"""Faults on purpose, and a count of requests: what a test needs to ask "and if that answer had been lost?"."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from sandbox.wire import Request

NAMED = {"lost", "refused", "slow"}
_TYPES = {429: "rejected_execution_exception", 502: "bad_gateway", 504: "gateway_timeout"}
_TYPES |= {503: "cluster_manager_not_discovered_exception"}


@dataclass
class Fault:
    """`kind` is `lost` (acts, but the answer never arrives), `refused` (does not act, the connection is closed),
    `slow` (acts after `seconds`), or an HTTP status to answer with instead of acting. `path` is a glob."""

    method: str
    path: str
    kind: str
    times: int = 1
    body: Any = None
    seconds: float = 1.0
    skip: int = 0

    def __post_init__(self) -> None:
        if self.kind not in NAMED and not (self.kind.isdigit() and 400 <= int(self.kind) < 600):
            named = ", ".join(sorted(NAMED))
            raise ValueError(f"a fault's kind is one of {named} or an HTTP status, not {self.kind!r}")

    def takes(self, request: Request) -> bool:
        """Whether it is about this request."""
        return self.method in {"*", request.method} and fnmatchcase(request.path, self.path)

    def answer(self) -> Any:
        """The body of a status fault."""
        if self.body is not None:
            return self.body
        status = int(self.kind)
        reason = {"type": _TYPES.get(status, "exception"), "reason": f"made to fail by the sandbox (HTTP {status})"}
        return {"error": {"root_cause": [reason], **reason}, "status": status}


class Faults:
    """The faults still waiting, in order; the first that matches a request takes it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, method: str, path: str, kind: str | int, times: int = 1, **options: Any) -> None:
        """Let the next `times` requests of `method` (`*`: any) to a path like `path` (a glob) fail as `kind` says,
        after letting `skip` of them through. Raises ValueError for a kind there is not."""
        with self._lock:
            self._waiting.append(Fault(method, path, str(kind), times, **options))

    def take(self, request: Request) -> Fault | None:
        """The fault for this request, if any, one time less from now on."""
        with self._lock:
            fault = next((each for each in self._waiting if each.takes(request)), None)
            if fault is None:
                return None
            if fault.skip:
                fault.skip -= 1
                return None
            fault.times -= 1
            self._waiting = [each for each in self._waiting if each.times > 0]
            return fault

    def waiting(self) -> list[dict[str, Any]]:
        """What has not happened yet."""
        with self._lock:
            return [asdict(fault) for fault in self._waiting]

    def clear(self) -> None:
        """Nothing fails from now on."""
        with self._lock:
            self._waiting = []


class Requests:
    """How many requests came, by method and route (`GET /{index}/_doc/{id}`)."""

    def __init__(self) -> None:
        self._lock, self._counts = threading.Lock(), Counter[str]()

    def count(self, name: str) -> None:
        """One more."""
        with self._lock:
            self._counts[name] += 1

    def counts(self) -> dict[str, int]:
        """All of them, most first."""
        with self._lock:
            return dict(self._counts.most_common())

    def reset(self) -> None:
        """From zero."""
        with self._lock:
            self._counts.clear()


def control(request: Request, faults: Faults, requests: Requests) -> tuple[int, Any]:
    """`/_sandbox/faults` (POST, GET, DELETE) and `/_sandbox/requests` (GET, DELETE): status and body."""
    if request.path == "/_sandbox/requests" and request.method in {"GET", "DELETE"}:
        counts = requests.counts()
        if request.method == "DELETE":
            requests.reset()
        return 200, {"total": sum(counts.values()), "requests": counts}
    if request.path != "/_sandbox/faults" or request.method not in {"GET", "POST", "DELETE"}:
        return 404, {"error": "the sandbox has /_sandbox/faults and /_sandbox/requests"}
    try:
        if request.method != "GET":
            faults.clear() if request.method == "DELETE" else faults.add(**json.loads(request.body))
    except (TypeError, ValueError) as error:
        return 400, {"error": str(error)}
    return 200, {"faults": faults.waiting()}
