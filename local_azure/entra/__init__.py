"""Microsoft Entra ID: discovery, signing keys, token endpoints and the tokens themselves."""
