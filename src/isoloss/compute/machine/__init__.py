"""Devices, memory, several processes, and code of the user's own."""
