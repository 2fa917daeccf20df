"""What to do about an error of a service: the catalogue of known texts, in one place.

The texts are the services' own; `tests/providers/services/test_advice.py` checks each against a recorded or documented
answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class KnownError:
    """A text of the service (a regular expression searched for in it) and what a person can do about it."""

    text: str
    fix: str


SEARCH = (
    KnownError(
        r"Error from remote service: .*(security token included in the request is invalid|signature we calculated)",
        "AWS refuses the keys: set embeddingAccessKey, embeddingSecretKey and, if they are temporary, "
        "embeddingSessionToken",
    ),
    KnownError(
        r"Error from remote service: .*(invalid_api_key|[Ii]nvalid ?[Aa][Pp][Ii][ _-]?([Kk]ey|token)|Incorrect API key"
        r"|API key is invalid|invalid subscription key)",
        "the embedding service refuses the key: set the right one with `pulumi config set --secret embeddingApiKey`",
    ),
    KnownError(
        r"Error from remote service: .*batch size is invalid",
        "the embedding service takes fewer texts a request: lower `batch_size` (10 for text-embedding-v3 and v4)",
    ),
    KnownError(
        r"Error from remote service: .*(Throttling|rate limit|quota)",
        "the embedding service is throttling: wait, or raise its quota",
    ),
    KnownError(r"Error from remote service", "the embedding service refused: check `url`, `model` and the key"),
    KnownError(
        r"Error communicating with remote model|Fail to execute http connector|host must not be null",
        "PolarSearch cannot reach the embedding service: check `url` and the network between them (VPC, PrivateLink)",
    ),
    KnownError(
        r"private ip address",
        "allow it with `private` of its TrustedEndpoint (in a stack's configuration: embedding.private_address: true)",
    ),
    KnownError(
        r"not matching the trusted connector endpoint",
        "add a TrustedEndpoint whose `pattern` matches the whole URL",
    ),
    KnownError(
        r"credential is null or empty",
        "OpenSearch 2.19 and later want a credential: give one, or leave ours to fill in a placeholder",
    ),
    KnownError(r"please undeploy the models first", "a deployed model uses it: replace the connector, do not edit it"),
    KnownError(
        r"models are still using this connector",
        "delete or repoint those models first; a model of this stack is repointed by `pulumi up --refresh`",
    ),
    KnownError(r"associated model versions", "delete the models of this group first"),
    KnownError(
        r"already being used by a model group", "choose another `name`, or adopt that group: `python -m ops adopt`"
    ),
    KnownError(
        r"cannot be deleted in deploying or deployed state", "it is still in use: stop its traffic and try again"
    ),
    KnownError(
        r"pipeline with id \[.*\] does not exist", "the index names a pipeline that is gone: `pulumi up --refresh`"
    ),
    KnownError(
        r"cannot be changed from type|Cannot update parameter", "a mapped field cannot change: start a generation"
    ),
    KnownError(
        r'does not support "\d+x" compression',
        "choose a `compression_level` of that engine: faiss has 1x, 2x, 8x, 16x and 32x, lucene 1x and 4x",
    ),
    KnownError(r"compression level", "`mode`, `compression_level` and the encoder exclude each other: leave one out"),
    KnownError(r'"methodComponent" is null', "check the encoder's `name`: flat, sq or binary"),
    KnownError(r"index exists with the same name as the alias", "choose another name, or delete that index"),
    KnownError(r"unknown setting|not recognized", "check the setting's name against this version of OpenSearch"),
    KnownError(r"doesn't support one or more provided configuration parameters", "this OpenSearch does not know it"),
    KnownError(r"No enum constant .*ActionType", "check `action_type`: this OpenSearch does not know it"),
    KnownError(r"No processor type exists", "check the processor's name, and that its plugin is installed"),
    KnownError(r"no permissions for", "give this account the permission, or use the administrator's"),
    KnownError(r"Security not initialized", "the cluster is still starting: try again in a minute"),
    KnownError(r"master key has not been initialized", "the cluster is still starting: try again in a minute"),
    KnownError(
        r"[Nn]o eligible (worker )?node",
        "check plugins.ml_commons.task_dispatcher.eligible_node_role",
    ),
    KnownError(r"Model is disabled", "run `pulumi up --refresh` to enable it again"),
    KnownError(r"no handler found for uri", "this PolarSearch has no such API: semantic search needs PolarSearch 3.x"),
)

STATUS = {
    401: "check `search_username` and `search_password` (or POLARSEARCH_PASSWORD)",
    403: "give this account the permission, or use the administrator's",
    406: "is this really PolarSearch? check `search_url`",
    413: "the request is too large for the service",
    429: "the cluster is overloaded: try again later, or add nodes",
    503: "the cluster is not ready: try again in a minute",
}

TRANSPORT = (
    KnownError(
        r"wrong version number|WRONG_VERSION_NUMBER|record layer failure|RECORD_LAYER_FAILURE",
        "the port speaks http: write http:// in `search_url`",
    ),
    KnownError(
        r"disconnected without sending|[Cc]onnection reset", "if the port speaks https, write https:// in `search_url`"
    ),
    KnownError(r"certificate verify failed|CERTIFICATE_VERIFY_FAILED", "name the cluster's CA in `search_ca_file`"),
    KnownError(
        r"[Nn]ame or service not known|nodename nor servname|No address associated|[Nn]ame resolution",
        "check the host in `search_url`",
    ),
    KnownError(r"", "check `search_url`, and that this machine may reach it"),
)

DATABASE = {
    1044: "grant this account the privilege, or use another",
    1045: "check `database_user` and `database_password` (or POLARDB_PASSWORD)",
    1049: "check the database's name",
    1054: "check the column's name",
    1064: "this revision of PolarDB does not know the statement",
    1130: "add this machine to the cluster's whitelist",
    1142: "grant this account the privilege, or use another",
    1146: "check the table's name",
    1205: "another session holds the lock: try again",
    1227: "grant this account the privilege, or use another",
    1305: "AutoETL is not enabled on this cluster, or its revision is too old",
    1370: "grant EXECUTE on dbms_etl, and check that AutoETL is enabled on this cluster",
    2003: "check `database_host` and `database_port`, and that this machine may reach them",
    2012: "is this really PolarDB? check `database_host` and `database_port`",
    2013: "the connection broke: try again",
    2026: "check `database_tls`: the path of the CA's PEM file, or leave it out where the server has no TLS",
}


def for_search(status: int, reason: str) -> str:
    """Returns what to do about an answer of the search service; empty where its text says all."""
    return _known(SEARCH, reason) or STATUS.get(status, "")


def for_transport(reason: str) -> str:
    """Returns what to do when the search service gives no answer."""
    return _known(TRANSPORT, reason)


def for_database(code: int) -> str:
    """Returns what to do about a MySQL error number; empty where its text says all."""
    return DATABASE.get(code, "")


def _known(catalogue: tuple[KnownError, ...], reason: str) -> str:
    return next((known.fix for known in catalogue if re.search(known.text, reason)), "")
