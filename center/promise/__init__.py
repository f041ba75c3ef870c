"""What a customer gets instead of a person: a task with owner, due date and callback slot, until it is done (N10)."""
