"""The protected API: accepts callers of one Entra tenant that have an app role."""
