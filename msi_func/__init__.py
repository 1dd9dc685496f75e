"""The caller: gets a token for a protected API as this app, calls the API, survives its faults."""
