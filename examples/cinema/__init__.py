"""The cinema: over 18, and nothing else."""
