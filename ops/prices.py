"""What embedding services take: list prices and rate limits, each with the day it was read. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from components.settings import Embedding


@dataclass(frozen=True)
class Price:
    """Dollars for a million tokens."""

    dollars: float
    source: str


@dataclass(frozen=True)
class Limits:
    """The most requests and tokens a minute; null where nobody said."""

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    source: str = "not known: --requests-per-minute, --tokens-per-minute"


READ = "Model Studio's list price of December 2025"
MODEL_STUDIO_PRICES: Mapping[str, Mapping[str, float]] = {
    "text-embedding-v4": {"Beijing": 0.072, "Singapore": 0.07},
    "text-embedding-v3": {"Beijing": 0.072, "Singapore": 0.07},
}
"""By model and region (its documentation of text embedding: v4 in both, v3 in Singapore, and in Beijing as v4)."""

MODEL_STUDIO_LIMITS = Limits(6000, 24_000_000, "Model Studio's limits of text-embedding-v3, Singapore, July 2025")


def region_of(embedding: Embedding) -> str:
    """Returns the region of Model Studio that an address names; empty for another service."""
    if "dashscope-intl" in embedding.endpoint or "ap-southeast-1.maas.aliyuncs.com" in embedding.endpoint:
        return "Singapore"
    return "Beijing" if "dashscope.aliyuncs.com" in embedding.endpoint else ""


def price_of(embedding: Embedding) -> Price | None:
    """Returns the price that the configuration says, or the list price; None where neither is known."""
    if embedding.price_per_million_tokens is not None:
        return Price(embedding.price_per_million_tokens, "embedding.price_per_million_tokens")
    region = region_of(embedding)
    dollars = MODEL_STUDIO_PRICES.get(embedding.model, {}).get(region)
    return None if dollars is None else Price(dollars, f"{READ}, {region}")


def limits_of(embedding: Embedding, requests: float | None, tokens: float | None) -> Limits:
    """Returns the limits that were given, or those that are documented."""
    if requests or tokens:
        return Limits(requests, tokens, "as given")
    known = region_of(embedding) and embedding.model in MODEL_STUDIO_PRICES
    return MODEL_STUDIO_LIMITS if known else Limits()


def seconds_at(limits: Limits, requests: int, tokens: int) -> float | None:
    """Returns how long so many requests and tokens take at the limits; None without any."""
    minutes = [
        needed / most
        for needed, most in ((requests, limits.requests_per_minute), (tokens, limits.tokens_per_minute))
        if most
    ]
    return 60 * max(minutes) if minutes else None
