"""An emulator of the Azure services that an app uses, for this machine. Never deployed."""
