"""Contract suites and simulators, for authors of adapters and connectors."""
