"""The endpoints at which an app gets tokens of its managed identity."""
