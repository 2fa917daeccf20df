"""The owner references that the checkpoint of a stack holds."""

from __future__ import annotations

import pytest

from components.checkpoint import references_of
from providers.kit import OwnerReference

URN = "urn:pulumi:s::p::pulumi-python:dynamic/polarsearch:Index::docs"


@pytest.mark.parametrize(
    ("shown", "references"),
    [
        ({}, []),
        ({URN: {"type": "t", "outputs": {"owner": "p/s/docs", "uid": "00ff"}}}, [OwnerReference("p/s/docs", "00ff")]),
        ({URN: {"type": "t", "outputs": {"owner": "p/s/docs"}}}, []),
        ({URN: {"type": "t", "outputs": {"owner": "p/s/docs", "uid": ""}}}, []),
        ({URN: {"type": "t", "outputs": None}}, []),
        ({URN: {"type": "aws:s3/bucket:Bucket", "outputs": {"arn": "a"}}}, []),
    ],
    ids=str,
)
def test_only_what_carries_owner_and_uid_is_ours(shown, references):
    assert list(references_of(shown)) == references
