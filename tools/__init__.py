"""Command-line tools that show tokens, assign app roles and find faults. The tools are not deployed."""
