"""Connector: every change replaces it; the service normalizes its values and never shows its credential."""

from __future__ import annotations

import json
import pathlib

import pytest
from pulumi.output import UNKNOWN
from pydantic import ValidationError

from providers.connector import ConnectorInputs, ConnectorKind, shown
from providers.kit import plan_by_field, validation_errors

RECORDED = pathlib.Path(__file__).parents[1] / "recordings" / "opensearch-2.19.1" / "lifecycle.jsonl"
ACTION = {"url": "https://e/v1/embeddings", "headers": {"Authorization": "Bearer ${credential.api_key}"}}
EMBED = ConnectorInputs(name="embed", parameters={"model": "m"}, credential={"api_key": "sk"}, actions=[ACTION])


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"description": "x"},
        {"parameters": {"model": "n"}},
        {"credential": {"api_key": "sk-2"}},
        {"credential": None},
        {"actions": [{**ACTION, "url": "https://f"}]},
        {"client_config": {"max_connection": 20}},
        {"owner": "p/s/renamed"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_change_replaces_the_connector(change):
    new = ConnectorInputs(**{**EMBED.model_dump(), **change})
    plan = ConnectorKind.plan(EMBED, new)
    assert (plan.updates, plan.replaces) == (frozenset(), frozenset(change))


SIGNED = {
    "protocol": "aws_sigv4",
    "parameters": {"region": "us-east-1", "service_name": "bedrock"},
    "credential": {"access_key": "AKIDEXAMPLE", "secret_key": "s"},
}


def test_another_protocol_replaces_the_connector():
    signed = ConnectorInputs(**{**EMBED.model_dump(), **SIGNED})
    unsigned = ConnectorInputs(**{**signed.model_dump(), "protocol": "http"})
    assert ConnectorKind.plan(unsigned, signed).replaces == {"protocol"}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (
            {"credential": {"roleArn": "arn:aws:iam::1:role/r"}},
            "credential.roleArn: only Amazon OpenSearch Service takes",
        ),
        ({"credential": {"role_arn": "arn:aws:iam::1:role/r"}}, "credential.role_arn: only Amazon OpenSearch Service"),
        ({"credential": {"accessKey": "a", "secret_key": "s"}}, "credential.accessKey: write access_key"),
        ({"credential": {"access_key": "a"}}, "credential.secret_key: is missing"),
        ({"credential": None}, "credential.access_key: is missing"),
        ({"parameters": {"service_name": "bedrock"}}, "parameters.region: is missing; write one such as us-east-1"),
        ({"parameters": {"region": "us-east-1"}}, "parameters.service_name: is missing; write one such as bedrock"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value[:30],
)
def test_a_connector_that_cannot_sign_says_what_to_write(change, what):
    """As PolarSearch would: "Missing credential", "Missing region" and "Missing service name"."""
    with pytest.raises(ValidationError, match=what):
        ConnectorInputs(**{**EMBED.model_dump(), **SIGNED, **change})


def test_a_connector_of_somebody_else_that_signs_can_be_read():
    theirs = {"name": "embed", "protocol": "aws_sigv4", "actions": [ACTION], "version": "1"}
    assert shown(theirs, EMBED).protocol == "aws_sigv4"


def test_keys_that_are_known_later_are_no_mistake():
    later = {**EMBED.model_dump(), **SIGNED, "credential": UNKNOWN}
    assert validation_errors(ConnectorInputs, later) == []
    assert validation_errors(ConnectorInputs, {**later, "credential": {"access_key": UNKNOWN, "secret_key": "s"}}) == []


def test_a_value_that_the_service_normalizes_is_no_change():
    """As in the first two rows of lifecycle.jsonl: text parameters, upper-case action types, default configuration."""
    sent, answer = (json.loads(line) for line in RECORDED.read_text().splitlines()[:2])
    body = {key: value for key, value in sent["body"].items() if key not in ("description", "version")}
    declared = ConnectorInputs(**body, description="pulumi:p/s/connector#1")
    assert not plan_by_field(shown(answer["response"], declared), declared)


@pytest.mark.parametrize(
    ("value", "text"),
    [("x", "x"), (5, "5"), (5.0, "5"), (True, "true"), (["a", 1.0], '["a",1]'), ({"k": "é"}, '{"k":"é"}')],
)
def test_a_parameter_becomes_text_or_compact_json(value, text):
    assert ConnectorInputs(name="x", actions=[ACTION], parameters={"p": value}).parameters == {"p": text}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"credential": {"api_key": "${YOUR_API_KEY}"}}, "api_key is the text of a variable that no shell expanded"),
        ({"credential": {"api_key": "$YOUR_API_KEY"}}, "api_key is the text of a variable that no shell expanded"),
        ({"credential": {"api_key": ""}}, "api_key is empty"),
        ({"actions": []}, "at least 1 item"),
        ({"actions": [{**ACTION, "body": "x"}]}, "Extra inputs are not permitted"),
        ({"actions": [{**ACTION, "method": "FETCH"}]}, "'GET', 'POST' or 'PUT'"),
        ({"protocol": "soap"}, "'http' or 'aws_sigv4'"),
        ({"name": "x" * 257}, "at most 256 characters"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value[:30],
)
def test_invalid_inputs_are_refused(change, what):
    with pytest.raises(ValidationError, match=what):
        ConnectorInputs(**{**EMBED.model_dump(), **change})
