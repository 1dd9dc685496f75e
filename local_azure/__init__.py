"""The parts of Azure around an app, emulated on this machine. Never deployed."""
