"""The roles of the product, each composed of its own parts; `serve` runs all in one process."""
