"""Azure on this machine, as far as a service calling another without a secret can see it. Never deployed."""
