"""See the token, assign the role, find what is wrong: for a real tenant and for a local one. Deployed with the app."""
