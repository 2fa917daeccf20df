"""A real OpenSearch 2.19.1 of one node, in two profiles: `plain`, and `secure` with basic auth and TLS as PolarSearch.

Its k-NN plugin has no native library here, so every index is configured for exact search, which its settings show.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx

from sandbox.defaults import SEARCH_PASSWORD, SEARCH_USERNAME
from tests.real.installation import Installation
from tests.real.opensearch_home import PASSWORD
from tests.real.process import Patience, Process, free_port

Profile = Literal["plain", "secure"]
READER, READER_PASSWORD = "reader", "only-reads-documents"
"""An account of profile `secure` that may only read documents. The administrator is the sandbox's search account."""

PATIENCE = Patience()
"""A start takes 7 s, and 12 with the security plugin; on a busy machine it has taken more than 120."""

PRIVATE = "plugins.ml_commons.connector.private_ip_enabled"
"""Connectors may call this machine: false unless set."""

JVM = ("-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
EXACT = {"index_patterns": ["*"], "template": {"settings": {"index.knn.advanced.approximate_threshold": -1}}}
LOGGING = """status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
"""

ACCOUNTS = f"""_meta: {{type: internalusers, config_version: 2}}
{SEARCH_USERNAME}: {{hash: $2a$08$vFhVgtlR4L51muRFiw3xS.JhOoL0YIq6f0BBERNZ61k3W9tee7.I., backend_roles: [admin]}}
{READER}: {{hash: $2a$08$r2ngBQEFbK6ZWx50/Gj71.WI1ih18VJe7Yvp21Cl2J.o3T3C5ZLMS, backend_roles: [readall]}}
"""
"""The bcrypt hashes of SEARCH_PASSWORD and READER_PASSWORD."""


@dataclass(frozen=True)
class Account:
    """The account and the CA for a node."""

    username: str = ""
    password: str = ""
    ca_file: Path | None = None

    def client(self, url: str) -> httpx.Client:
        auth = (self.username, self.password) if self.username else None
        trust = ssl.create_default_context(cafile=str(self.ca_file)) if self.ca_file else True
        return httpx.Client(base_url=url, auth=auth, verify=trust, timeout=60, trust_env=False)


class OpenSearch:
    """Starts when constructed, with its data in `folder`; `client` is the administrator's. Raises Broken."""

    def __init__(
        self, installation: Installation, folder: Path, profile: Profile = "plain", patience: Patience = PATIENCE
    ) -> None:
        self._installation, self._folder, self._profile, self._patience = installation, folder, profile, patience
        self.port = free_port()
        secure = profile == "secure"
        self.url = f"{'https' if secure else 'http'}://127.0.0.1:{self.port}"
        self.ca_file = installation.certificates / "ca.pem" if secure else None
        self.admin = Account(SEARCH_USERNAME, SEARCH_PASSWORD, self.ca_file) if secure else Account()
        self._write_configuration()
        self.client = self.admin.client(self.url)
        try:
            self.start()
        except BaseException:
            self.client.close()
            raise

    def start(self) -> None:
        """Starts it, and returns when it answers, its disks are known, and documents can be written."""
        home = self._installation.home(self._profile)
        config = self._folder / "config"
        logging = f"-Dlog4j.configurationFile={config / 'log4j2.properties'}"
        command = ["java", *JVM, logging, "-cp", self._installation.classpath, "NodeMain", home, config]
        self._process = Process(command, self._folder / "opensearch.log")
        self._process.await_ready(self._answers, self._patience)
        try:
            self.client.put("/_index_template/exact", json=EXACT).raise_for_status()
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """Kills it, as a power failure does; `start` starts it with its data."""
        self._process.kill()

    def stop(self) -> None:
        """Stops it; it cannot be started again."""
        self.client.close()
        self.kill()

    def _answers(self) -> bool:
        try:
            return self.client.get("/_cluster/health?wait_for_status=yellow&timeout=1s").status_code == 200
        except httpx.TransportError:
            return False

    def _write_configuration(self) -> None:
        config = self._folder / "config"
        config.mkdir(parents=True)
        (config / "log4j2.properties").write_text(LOGGING)
        settings = self._settings() | (self._security() if self._profile == "secure" else {})
        (config / "opensearch.yml").write_text("".join(f"{name}: {value}\n" for name, value in settings.items()))

    def _settings(self) -> Mapping[str, Any]:
        return {
            "cluster.name": "real",
            "node.name": "node",
            "network.host": "127.0.0.1",
            "http.port": self.port,
            "transport.port": free_port(),
            "discovery.type": "single-node",
            "path.data": self._folder / "data",
            "path.logs": self._folder / "logs",
            "cluster.routing.allocation.disk.threshold_enabled": "false",
            "plugins.ml_commons.only_run_on_ml_node": "false",
            PRIVATE: "true",
            **({} if self._profile == "secure" else {"http.type": "netty4", "transport.type": "netty4"}),
        }

    def _security(self) -> dict[str, Any]:
        self._write_accounts(self._folder / "config" / "opensearch-security")
        stores = {
            "keystore_type": "PKCS12",
            "keystore_filepath": "node.p12",
            "keystore_password": PASSWORD,
            "keystore_alias": "node",
            "truststore_type": "PKCS12",
            "truststore_filepath": "trust.p12",
            "truststore_password": PASSWORD,
        }
        for name in ("node.p12", "trust.p12"):
            (self._folder / "config" / name).write_bytes((self._installation.certificates / name).read_bytes())
        return {
            **{f"plugins.security.ssl.transport.{name}": value for name, value in stores.items()},
            **{f"plugins.security.ssl.http.{name}": value for name, value in stores.items()},
            "plugins.security.ssl.http.enabled": "true",
            "plugins.security.ssl.transport.enforce_hostname_verification": "false",
            "plugins.security.allow_default_init_securityindex": "true",
            "plugins.security.nodes_dn": "[CN=localhost]",
            "plugins.security.authcz.admin_dn": "[CN=admin]",
            "plugins.security.restapi.roles_enabled": "[all_access]",
        }

    def _write_accounts(self, folder: Path) -> None:
        folder.mkdir()
        shipped = self._installation.home("secure") / "plugins" / "opensearch-security" / "config"
        for file in shipped.glob("*.yml"):
            (folder / file.name).write_bytes(file.read_bytes())
        (folder / "internal_users.yml").write_text(ACCOUNTS)
