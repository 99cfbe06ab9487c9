"""Looking into strangers' bytes: their type from the bytes, their looks in a worker process."""
