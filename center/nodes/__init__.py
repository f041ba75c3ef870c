"""The nodes that share one store: who is alive, and who looks after what a dead one left (design: a node fails)."""
