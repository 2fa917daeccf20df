"""Reads the stack's configuration and declares what it asks for: `pulumi up` in this folder."""

import contextlib
import signal

import pulumi

from components.semantic_search import SemanticSearchStack
from components.settings import SettingsError, parse
from providers.connection import Connection

with contextlib.suppress(ValueError):  # some hosts run the program in a thread, and mind signals themselves
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the engine interrupts the program when a step fails

config = pulumi.Config()
blocks = {name: config.get_object(name) for name in ("connection", "embedding", "collections")}
try:
    settings = parse(blocks, config.get("embeddingApiKey"))
except SettingsError as error:
    raise pulumi.RunError(str(error)) from None

connection = Connection(
    "connection",
    **settings.connection.model_dump(exclude_none=True),
    search_password=config.get_secret("searchPassword") or "",
    database_password=config.get_secret("databasePassword") or "",
)
embedding = settings.embedding.model_copy(update={"api_key": config.get_secret("embeddingApiKey")})
search = SemanticSearchStack("search", connection, embedding, settings.collections)

pulumi.export("model_id", search.model_id)
pulumi.export("dimension", search.dimension)
pulumi.export("collections", search.collections)
