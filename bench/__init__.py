"""Benchmarks of stacks on the sandbox with a real Pulumi engine: calls, bytes, state, seconds.

`python -m bench` writes docs/benchmarks.md and its plot.
"""
