"""A PolarDB and a PolarSearch small enough to run anywhere, each behind its real protocol."""
