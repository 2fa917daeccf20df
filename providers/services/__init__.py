"""What is known about PolarSearch and PolarDB, for every kind to use. It knows kinds in general, and none of them.

http, sql      the only modules that speak HTTP and SQL
answers        what an answer of PolarSearch's looks like
connections    the two services of a Connection, opened on first use
advice         the catalogue: an error's text, and what to do about it
version        what needs a later OpenSearch
mlcommons      looking up groups, connectors and models
index_meta     owner references in an index's `_meta`
mappings       mapped fields as OpenSearch shows them, and what of them may change
index_settings settings of an index, and which may change
vector         a vector field
texts          texts before they are embedded: joined, cut or chunked
tables         columns, keys and comments of tables
autoetl        the statements of sync links and search views
backfill       how far an index is with the rows of its table
inventory      every list of the services, read whole and once
kind           `ClusterKind` and `NamedKind`, from which the kinds in `providers/` are derived
pipelines      `PipelineKind`, what ingest and search pipelines have in common
"""

from .connections import Connections
from .inventory import Inventory
from .kind import AnyClusterKind, ClusterKind, NamedKind
from .sqltext import as_text, quote
from .version import Version, require_version

__all__ = [
    "AnyClusterKind",
    "ClusterKind",
    "Connections",
    "Inventory",
    "NamedKind",
    "Version",
    "as_text",
    "quote",
    "require_version",
]
