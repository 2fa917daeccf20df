"""Serves the rules to a Pulumi engine: `pulumi up --policy-pack policies`."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)
from pulumi_policy.deserialize import SPECIAL_SECRET_SIG, SPECIAL_SIG_KEY, serialize_properties

from policies.rules import (
    Declared,
    Rule,
    batches_within_the_limit,
    has_no_open_key,
    is_encrypted,
    is_kept_in_production,
    plain,
    stack_of,
    trusts_one_host,
    unencrypted,
)

PRODUCTION = PolicyConfigSchema({"stacks": {"type": "array", "items": {"type": "string"}, "default": ["prod"]}})
"""The stacks that are production; `--policy-pack-config` names others."""


def declared_of(args: ResourceValidationArgs) -> Declared:
    """Returns the resource that Pulumi asks about."""
    return Declared(args.resource_type, plain(args.props), stack_of(args.urn))


def policy(name: str, rule: Rule) -> ResourceValidationPolicy:
    """Returns a policy that reports what a rule yields; its description is the rule's."""

    def validate(args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
        for violation in rule(declared_of(args)):
            report_violation(violation, None)

    return ResourceValidationPolicy(name, rule.__doc__ or name, validate)


def production_policy(name: str) -> ResourceValidationPolicy:
    """Returns the policy of the stacks that its configuration names."""

    def validate(args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
        for violation in is_kept_in_production(declared_of(args), args.get_config().get("stacks", ["prod"])):
            report_violation(violation, None)

    return ResourceValidationPolicy(name, is_kept_in_production.__doc__ or name, validate, config_schema=PRODUCTION)


class SecretsPolicy:
    """Reports passwords and keys that are no secrets.

    Pulumi shows only to a remediation which inputs are secrets. One that encrypted them would have the engine print the
    former value, so it keeps their names for the validation, which comes next.
    """

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    def remediate(self, args: ResourceValidationArgs) -> None:
        """Finds them, and changes nothing."""
        given = serialize_properties(args.props)
        encrypted = {name for name, value in given.items() if _is_secret(value)}
        self._found[args.urn] = unencrypted(args.resource_type, given, encrypted)

    def validate(self, args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
        """Reports what was found."""
        for name in self._found.pop(args.urn, []):
            report_violation(f"{name} is no secret; pass it as pulumi.Output.secret(…)", None)

    def policy(self, name: str) -> ResourceValidationPolicy:
        """Returns the policy."""
        description = "Passwords and keys are secrets."
        level = EnforcementLevel.REMEDIATE
        return ResourceValidationPolicy(name, description, self.validate, level, remediate=self.remediate)


def _is_secret(value: Any) -> bool:
    return isinstance(value, dict) and value.get(SPECIAL_SIG_KEY) == SPECIAL_SECRET_SIG


PolicyPack(
    "polardb-semantic-search",
    [
        policy("trusts-one-host", trusts_one_host),
        policy("is-encrypted", is_encrypted),
        production_policy("is-kept-in-production"),
        policy("has-no-open-key", has_no_open_key),
        policy("batches-within-the-limit", batches_within_the_limit),
        SecretsPolicy().policy("secrets-are-secrets"),
    ],
    EnforcementLevel.MANDATORY,
)
