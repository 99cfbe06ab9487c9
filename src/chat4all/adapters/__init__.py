"""What the ports ask for, on one technology per folder."""
