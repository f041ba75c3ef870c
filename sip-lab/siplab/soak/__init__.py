"""A long run under steady load with faults: what was lost, and what leaks. Run: `python -m siplab.soak`."""
