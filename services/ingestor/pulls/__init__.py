"""Pulls: reading a shop's Admin API. A backfill is the first one, and the whole history."""
