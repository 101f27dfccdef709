"""Engines and transactions: the only way to PostgreSQL."""
