"""The caller, which requests a token for a protected API and calls the API."""
