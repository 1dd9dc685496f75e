"""Endpoints that return access tokens of managed identities."""
