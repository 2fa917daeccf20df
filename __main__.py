"""Reads the stack's configuration and declares what it asks for: `pulumi up` in this folder."""

import pulumi
from pulumi.runtime import is_dry_run

from components.configuration import Configuration
from components.preflight import require_possible
from components.semantic_search import SemanticSearchStack
from providers.kit import prepare

NAME = "search"

prepare()
configuration = Configuration.load()
embedding, collections = configuration.embedding, configuration.collections
if not is_dry_run():  # a preview asks no service
    require_possible(configuration.services(), NAME, embedding, collections)

search = SemanticSearchStack(NAME, configuration.connection(), embedding, collections)

for name, value in search.outputs.items():
    pulumi.export(name, value)
