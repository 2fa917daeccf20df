"""A stand-in for PolarSearch: OpenSearch with machine learning, vectors and hybrid search, in one process and file."""

from sandbox.polarsearch.app import PolarSearch
from sandbox.polarsearch.faults import Fault, Faults
from sandbox.polarsearch.node import Outbound

__all__ = ["Fault", "Faults", "Outbound", "PolarSearch"]
