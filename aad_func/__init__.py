"""The protected API, which accepts callers from one Entra tenant if they have an app role."""
