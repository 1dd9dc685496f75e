"""Benchmarks that compare the code with baselines in one run: `make bench`. docs/performance.md explains each row."""
