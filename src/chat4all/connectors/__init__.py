"""One folder per platform: translation and nothing else."""
