"""A stack's configuration, read from Pulumi: the settings, and the Connection they name."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pulumi
from pulumi.runtime import is_config_secret

from providers.connection import Connection
from providers.services import Connections

from .settings import EMBEDDING_SECRETS, SECRETS, Collection, Embedding, Settings
from .validation import parse

BLOCKS = ("connection", "embedding", "collections")


@dataclass(frozen=True)
class Configuration:
    """The configuration of the running program's stack."""

    config: pulumi.Config
    settings: Settings

    @classmethod
    def load(cls) -> Configuration:
        """Reads and checks it. Raises SettingsError with every mistake."""
        config = pulumi.Config()
        blocks = {name: config.get_object(name) for name in BLOCKS}
        unencrypted = [name for name in SECRETS if config.get(name) and not is_config_secret(config.full_key(name))]
        keys = {name: key for name in EMBEDDING_SECRETS if (key := config.get(name))}
        return cls(config, parse(blocks, keys=keys, open_secrets=unencrypted))

    @property
    def embedding(self) -> Embedding:
        """The embedding model, with its keys as secrets."""
        keys = {key: self.config.get_secret(name) for name, key in EMBEDDING_SECRETS.items() if self.config.get(name)}
        return self.settings.embedding.model_copy(update=keys)

    @property
    def collections(self) -> list[Collection]:
        """The collections."""
        return self.settings.collections

    def connection(self) -> Connection:
        """Declares the Connection."""
        return Connection(
            "connection",
            **self.settings.connection.model_dump(exclude_none=True),
            search_password=self.config.get_secret("searchPassword") or "",
            database_password=self.config.get_secret("databasePassword") or "",
        )

    def services(self) -> Connections:
        """Returns the services, for what the program itself asks of them."""
        places = self.settings.connection.model_dump(exclude_none=True)
        passwords = {
            "search_password": self.config.get("searchPassword"),
            "database_password": self.config.get("databasePassword"),
        }
        return Connections({**places, **passwords}.get, os.environ, report=_report, warn=pulumi.warn)


def _report(text: str) -> None:
    pulumi.info(text, ephemeral=True)
