"""The life of an interaction, from the first ring to the end of the after-call work."""
