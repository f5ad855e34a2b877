"""Building networks by name, their published weights, checkpoints on disk."""
