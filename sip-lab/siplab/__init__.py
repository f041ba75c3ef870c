"""The SIP lab: robots with real phones, an audio prover, acceptance scenarios and benchmarks, all on loopback."""
