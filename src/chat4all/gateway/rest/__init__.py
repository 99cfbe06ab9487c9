"""The REST API: Litestar over the services."""
