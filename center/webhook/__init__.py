"""Tells another system (a CRM) what happens: signed, in order within a case, until it has been taken."""
