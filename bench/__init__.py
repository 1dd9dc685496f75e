"""Benchmarks that compare this app with baselines (`make bench`). bench/README.md explains each row."""
