"""What attacks, defenses and certifications leave behind: read and written without torch."""
