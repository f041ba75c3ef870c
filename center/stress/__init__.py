"""Races many nodes for few people and proves that nobody is ever rung twice (N4). Run: `python -m center.stress`."""
