"""The owner references that the checkpoint of a stack holds."""

from __future__ import annotations

from types import SimpleNamespace

import pulumi
import pytest

import components.checkpoint
from components.checkpoint import outputs_of, references_of, resources_in_state
from providers.kit import Clock, OwnerReference

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


def test_a_resource_is_found_by_its_name():
    assert outputs_of({URN: {"outputs": {"owner": "p/s/docs"}}}, "docs") == {"owner": "p/s/docs"}
    assert outputs_of({URN: {"outputs": None}}, "docs") == {}
    assert outputs_of({URN: {"outputs": {}}}, "ocs") == {}


@pytest.fixture
def engine(monkeypatch):
    """Returns what the engine answers, in their order: errors are raised, the last answer stays."""

    def answering(*answers):
        left = list(answers)

        def invoke(*_):
            answer = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(answer, Exception):
                raise answer
            return SimpleNamespace(value={"outputs": answer})

        monkeypatch.setattr(components.checkpoint, "invoke", invoke)

    for name in ("organization", "project", "stack"):
        monkeypatch.setattr(pulumi, f"get_{name}", lambda: "x")
    return answering


BEING_WRITTEN = Exception("invoke of pulumi:pulumi:readStackResourceOutputs failed:\nfailed to load checkpoint: EOF")
AT_ONCE = Clock(now=lambda: 0, sleep=lambda _: None)


def test_state_that_is_being_written_is_read_again(engine):
    engine(BEING_WRITTEN, BEING_WRITTEN, {URN: {}})
    assert resources_in_state(AT_ONCE) == {URN: {}}


def test_state_that_cannot_be_read_is_one_line_for_a_person(engine):
    engine(BEING_WRITTEN)
    with pytest.raises(pulumi.RunError, match=r"^invoke of .* failed: failed to load checkpoint: EOF$"):
        resources_in_state(AT_ONCE)
