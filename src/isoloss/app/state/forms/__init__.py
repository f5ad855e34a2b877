"""What a person fills in: forms out of settings, with networks, data and paths to choose from."""
