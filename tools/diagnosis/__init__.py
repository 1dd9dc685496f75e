"""From evidence to one verdict: what the doctor's probes found, what it means, and what to do."""
