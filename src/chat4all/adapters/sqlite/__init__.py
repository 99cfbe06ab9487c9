"""SQLite: the default, with nothing to install or run."""
