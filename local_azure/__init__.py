"""An emulator of the Azure services that an app uses. Runs only on this machine and is never deployed."""
