"""What the code costs, measured side by side in one run: `make bench`. docs/performance.md explains each row."""
