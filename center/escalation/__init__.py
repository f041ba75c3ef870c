"""The life of an escalation: a specialist is reserved, gets the case, rings, accepts and joins."""
