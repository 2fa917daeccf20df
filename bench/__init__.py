"""Measures what a stack costs."""
