"""Brings messages to another system, in order within a stream, until each has been taken."""
