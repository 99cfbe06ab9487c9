"""Every port in the memory of this process: for tests, and for state that may be lost."""
