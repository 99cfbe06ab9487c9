"""What may be lost, on Redis 7: one state for every node of an installation."""
