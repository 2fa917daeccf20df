"""AWS Signature Version 4, as ML Commons signs a connector's request (`aws_sigv4`)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timezone
from urllib.parse import parse_qsl, quote, urlsplit

Headers = dict[str, str]
_HASH, _REQUIRED = "x-amz-content-sha256", "required"


def signed(
    method: str, url: str, headers: Mapping[str, str], body: bytes, key: Mapping[str, str], scope: tuple[str, str],
    now: float,
) -> Headers:  # fmt: skip
    """The headers with date, token and signature; `scope` is region and service. A hash is filled in where wanted."""
    at = datetime.fromtimestamp(now, timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    every = {name.lower(): value for name, value in headers.items()}
    every |= {"content-length": str(len(body)), "host": urlsplit(url).netloc, "x-amz-date": at}
    every |= {_HASH: digest} if every.get(_HASH) == _REQUIRED else {}
    every |= {"x-amz-security-token": key["session_token"]} if "session_token" in key else {}
    names = ";".join(sorted(every))
    place = "/".join([at[:8], *scope, "aws4_request"])
    request = "\n".join(
        [method, *_target(url), *(f"{name}:{every[name].strip()}" for name in sorted(every)), "", names]
    )
    to_sign = "\n".join(["AWS4-HMAC-SHA256", at, place, hashlib.sha256(f"{request}\n{digest}".encode()).hexdigest()])
    signature = hmac.new(_signing_key(key["secret_key"], place), to_sign.encode(), hashlib.sha256).hexdigest()
    credential = f"Credential={key['access_key']}/{place}"
    every["authorization"] = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={signature}"
    return every


def _target(url: str) -> tuple[str, str]:
    """The canonical path, encoded once more than it is sent, and the canonical query."""
    parts = urlsplit(url)
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in parse_qsl(parts.query, True)
    )
    return quote(parts.path or "/", safe="/-_.~"), "&".join(f"{name}={value}" for name, value in pairs)


def _signing_key(secret: str, place: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in place.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
