"""Connection: where PolarSearch and PolarDB are, and as whom.

An explicit provider: without one, Pulumi would store the stack's whole configuration with the default provider, and
destroy would go by that copy. Changing a value changes no resource.
"""

from __future__ import annotations

import pulumi
from pulumi import Input, Output


class Connection(pulumi.ProviderResource):
    """The two endpoints that resources with `provider=connection` are made at.

    `search_url` is `http://` or `https://` with host and port; `search_ca_file` a PEM file for a private authority.
    `database_tls` is "true" for a certificate the system trusts, or the path of a PEM file. Passwords are kept
    encrypted; POLARSEARCH_PASSWORD and POLARDB_PASSWORD in the environment override them.

    Example:
        connection = Connection(
            "connection",
            search_url="https://pc-xxx.polardbsearch.rds.aliyuncs.com:3001",
            search_username="polarsearch_user",
            search_password="secret",
            database_host="pc-xxx.rwlb.rds.aliyuncs.com",
            database_user="polardb_user",
            database_password="secret",
        )
    """

    def __init__(
        self,
        resource_name: str,
        *,
        search_url: Input[str],
        search_username: Input[str] = "",
        search_password: Input[str] = "",
        search_ca_file: Input[str] | None = None,
        database_host: Input[str] = "",
        database_port: Input[int] = 3306,
        database_user: Input[str] = "",
        database_password: Input[str] = "",
        database_tls: Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        values = {
            "search_url": search_url,
            "search_username": search_username,
            "search_password": Output.secret(search_password),
            "search_ca_file": search_ca_file,
            "database_host": database_host,
            "database_port": Output.from_input(database_port).apply(str),
            "database_user": database_user,
            "database_password": Output.secret(database_password),
            "database_tls": database_tls,
        }
        project = pulumi.get_project()
        given = {f"{project}:{name}": value for name, value in values.items() if value is not None}
        super().__init__("pulumi-python", resource_name, given, opts)
