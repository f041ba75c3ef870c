"""The load simulator: many customers call any SIP server; what broke is told per call."""
