"""SQLAlchemy Core tables, one module per schema; a test compares them with the database."""
