"""Who gets what: skills, queues, the choice of a person and leases on people."""
