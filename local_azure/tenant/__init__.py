"""One Entra tenant: its principals, their assignments, and the file that they are loaded from."""
