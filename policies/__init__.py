"""A policy pack: what no stack may declare, and what a stack for production must (`--policy-pack policies`)."""
