"""The caller: requests a token for a protected API, calls the API and handles its failures."""
