"""Messages and records of files in MongoDB."""
