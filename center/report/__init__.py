"""Live figures: what the event log says about today's calls, kept current event by event."""
