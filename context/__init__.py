"""The customer's matter: cases, their live record and the bundle that travels with an escalation."""
