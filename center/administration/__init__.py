"""What administrators change while the company works: validated, versioned, told to the running parts, undone."""
