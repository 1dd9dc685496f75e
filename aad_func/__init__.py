"""The callee: an API that lets in callers of one Entra tenant, by app role."""
