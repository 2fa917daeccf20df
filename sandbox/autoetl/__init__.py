"""AutoETL: keeps search indexes filled from tables, as PolarDB's does.

A link first loads every row, then follows the changes. Delivery is at least once and each row's document is written
whole, so what arrives twice changes nothing.

What surprises: the outbox holds keys, not rows. The worker reads each row when it delivers, so many changes of one row
become one document, and the last state always wins.
"""

from sandbox.autoetl.engine import AutoEtl
from sandbox.autoetl.search import HttpSearch, SearchDown

__all__ = ["AutoEtl", "HttpSearch", "SearchDown"]
