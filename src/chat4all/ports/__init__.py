"""What Chat4All needs from the world: one Protocol per file, its duties in the docstrings."""
