"""Reads the stack's configuration and declares what it asks for: `pulumi up` in this folder."""

import contextlib
import os
import signal

import pulumi
from pulumi.runtime import is_config_secret, is_dry_run

from components.preflight import require_clear
from components.semantic_search import SemanticSearchStack
from components.settings import SECRETS, SettingsError, parse
from providers.connection import Connection
from providers.kit import Connections

NAME = "search"

with contextlib.suppress(ValueError):  # some hosts run the program in a thread, and mind signals themselves
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the engine interrupts the program when a step fails

config = pulumi.Config()
blocks = {name: config.get_object(name) for name in ("connection", "embedding", "collections")}
open_secrets = [name for name in SECRETS if config.get(name) and not is_config_secret(config.full_key(name))]
try:
    settings = parse(blocks, api_key=config.get("embeddingApiKey"), open_secrets=open_secrets)
except SettingsError as error:
    raise pulumi.RunError(str(error)) from None

places = settings.connection.model_dump(exclude_none=True)
if not is_dry_run():  # a preview asks nobody
    passwords = {"search_password": config.get("searchPassword"), "database_password": config.get("databasePassword")}
    services = Connections({**places, **passwords}.get, os.environ, tell=lambda text: pulumi.info(text, ephemeral=True))
    require_clear(services, NAME, settings.embedding, settings.collections)

connection = Connection(
    "connection",
    **places,
    search_password=config.get_secret("searchPassword") or "",
    database_password=config.get_secret("databasePassword") or "",
)
api_key = config.get_secret("embeddingApiKey") if config.get("embeddingApiKey") else None
embedding = settings.embedding.model_copy(update={"api_key": api_key})
search = SemanticSearchStack(NAME, connection, embedding, settings.collections)

pulumi.export("model_id", search.model_id)
pulumi.export("dimension", search.dimension)
pulumi.export("collections", search.collections)
