"""PolarSearch for tests of anything that talks to it through httpx: no socket, no process, the same application.

>>> from sandbox import mock_polarsearch
>>> with mock_polarsearch() as search:
...     search.faults.add("PUT", "/products", 503)  # the next one fails, the one after it does not
...     [httpx.put(f"{search.url}/products").status_code for _ in range(3)]
[503, 200, 400]

Connectors may call any URL under `http://embeddings.test/` and are answered in the process as well, which the default
list of trusted endpoints does not include: trust it first, as with a real one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import respx

from sandbox.polarsearch import Faults, Outbound, PolarSearch
from sandbox.wire import Handler, Lost, Request

EMBEDDINGS_URL = "http://embeddings.test/"


@dataclass(frozen=True)
class MockedPolarSearch:
    """Where it is, what to make fail, and the application itself (`application.requests.counts()`)."""

    url: str
    application: PolarSearch

    @property
    def faults(self) -> Faults:
        """The faults still waiting."""
        return self.application.faults


@contextmanager
def mock_polarsearch(
    url: str = "http://polarsearch.test:9200", *, api_keys: Collection[str] = ("sk-test",), **options: Any
) -> Iterator[MockedPolarSearch]:
    """Answer every request of any httpx client, sync or async, that goes to `url`.

    url: scheme, host and port. api_keys: what `sandbox.embeddings`, which answers connectors' calls under
    `http://embeddings.test/`, accepts; looked at on every call. options: as for `PolarSearch`; with `call`, connectors'
    calls go there instead.
    A request anywhere else fails (respx.models.AllMockedAssertionError), so that no test reaches a network.
    """
    application = PolarSearch(**{"call": _in_process(api_keys), **options})
    try:
        with respx.mock(assert_all_called=False) as router:
            router.route(url__startswith=url).mock(side_effect=partial(_answered, application))
            yield MockedPolarSearch(url, application)
    finally:
        application.close()


def _answered(application: PolarSearch, request: httpx.Request) -> httpx.Response:
    target = request.url.raw_path.decode()
    try:
        response = application.handle(Request.of(request.method, target, request.headers, request.content))
    except Lost:
        raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request) from None
    body = b"" if request.method == "HEAD" else response.body
    return httpx.Response(response.status, headers=dict(response.headers), content=body)


def _in_process(api_keys: Collection[str]) -> Outbound:
    """Reaches the embeddings service and nothing else."""
    known: list[Handler] = []

    def call(method: str, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> tuple[int, bytes]:
        if not url.startswith(EMBEDDINGS_URL):
            raise ConnectionError(f"only {EMBEDDINGS_URL} can be called from the mock")
        if not known:  # made when first called: it loads a model
            from sandbox.embeddings import Embeddings

            known.append(Embeddings(api_keys=api_keys).handle)
        try:
            response = known[0](Request.of(method, "/" + url.removeprefix(EMBEDDINGS_URL), headers, body))
        except Lost:
            raise ConnectionError("the embeddings service closed the connection") from None
        return response.status, response.body

    return call
