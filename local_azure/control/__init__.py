"""The control plane: signing keys, cached tokens, faults and counters, for tests."""
