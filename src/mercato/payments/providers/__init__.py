"""The doors to whoever moves the money: one small port, and the providers in the box."""
