"""The heart: deduplicates, numbers, stores and routes what the commands log holds."""
