"""The directory of one Entra tenant, and the tenant file from which the directory is loaded."""
