"""Benchmarks: what the switch and the node cost and how fast they are, against budgets of docs/architecture.md."""
