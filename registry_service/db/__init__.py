"""The transactional core: one way to write, one way to read, the same on SQLite and PostgreSQL."""
