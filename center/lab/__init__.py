"""Numbers for testers: calls that need no people, so that any SIP load tool can drive a node (DC-06)."""
