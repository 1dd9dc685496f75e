"""Benchmarks that compare the code with baselines in one run: `make bench`. bench/README.md explains each row."""
