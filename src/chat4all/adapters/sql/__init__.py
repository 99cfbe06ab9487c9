"""The directory in an SQL database: SQLite now, PostgreSQL and CockroachDB by their URL."""
