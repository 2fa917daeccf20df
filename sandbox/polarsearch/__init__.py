"""A stand-in for PolarSearch: an OpenSearch with machine learning, vectors and hybrid search, in one process and file.

Held to a real OpenSearch 2.19.1 by replaying what that answered (`tests/recordings`). The surprise: scores are the same
to the last digit, and so are the mistakes, such as a bad model key that looks like a failed login.
"""

from sandbox.polarsearch.app import PolarSearch
from sandbox.polarsearch.faults import Fault, Faults
from sandbox.polarsearch.node import Outbound

__all__ = ["Fault", "Faults", "Outbound", "PolarSearch"]
