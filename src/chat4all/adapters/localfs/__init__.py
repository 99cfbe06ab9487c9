"""Objects as files in a local folder: the default, with nothing to install or run."""
