"""A control plane for tests: signing keys, cached tokens, faults and counters."""
