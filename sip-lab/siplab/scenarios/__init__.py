"""Acceptance scenarios, each a module with its checks and its steps."""
