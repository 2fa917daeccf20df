"""What is known about PolarSearch and PolarDB, for every kind to use. It knows kinds in general, and none of them.

http, sql          the only modules that speak HTTP and SQL
answers            what an answer of PolarSearch's looks like
connections        the two services of a Connection, opened on first use
advice             the catalogue: an error's text, and what to do about it
version            what needs a later OpenSearch
trust              the cluster's lists of trusted URLs, and private addresses
mlcommons          looking up groups, connectors and models
process_functions  ML Commons' functions between texts, requests and vectors
signing            what a connector needs to sign requests to AWS
embedding_answers  what an embedding service answered with, named for what it is
index_names        what an index may be called
index_meta         owner references in an index's `_meta`
mappings           mapped fields as OpenSearch shows them, and what of them may change
whole_mapping      parameters of a whole mapping
index_settings     settings of an index, and which may change
vector             a vector field
texts              texts before they are embedded: joined, cut or chunked
tables             columns, keys and comments of tables
autoetl            the statements of sync links and search views
backfill           how far an index is with the rows of its table, or of its query
select, query      reading a query over several tables; what a link and a backfill need of it
reconcile          what an index and its rows disagree about
refused_rows       the row that a link is held up by
links              dropping a link
inventory          every list of the services, read whole and once
objects            every object that may be a stack's, with its owner reference and what it uses
orphans            objects of ours that no state knows, and how they are deleted
kind               `ClusterKind`, `NamedKind` and `RecordKind`, from which the kinds in `providers/` are derived
pipelines          `PipelineKind`, what ingest and search pipelines have in common
"""

from .connections import Connections
from .inventory import Inventory
from .kind import AnyClusterKind, ClusterKind, NamedKind, RecordKind
from .sqltext import as_text, quote
from .version import Version, require_version

__all__ = [
    "AnyClusterKind",
    "ClusterKind",
    "Connections",
    "Inventory",
    "NamedKind",
    "RecordKind",
    "Version",
    "as_text",
    "quote",
    "require_version",
]
