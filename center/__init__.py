"""Composition: interaction and escalation machines, settings, command line and process life cycle."""
