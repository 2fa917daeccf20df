"""Reads the stack's configuration and declares what it asks for: `pulumi up` in this folder."""

import pulumi
from pulumi.runtime import is_dry_run

from components.configuration import Configuration
from components.preflight import require_possible
from components.semantic_search import SemanticSearchStack
from providers.kit import LastRun, declared_after, prepare

NAME = "search"

prepare()
configuration = Configuration.load()
embedding, collections = configuration.embedding, configuration.collections
last_run: LastRun = "ended"
if not is_dry_run():  # a preview asks no service
    last_run = require_possible(configuration.services(), NAME, embedding, collections)

search = SemanticSearchStack(NAME, configuration.connection(), embedding, collections, declared_after(last_run))

for name, value in search.outputs.items():
    pulumi.export(name, value)
