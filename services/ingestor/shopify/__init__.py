"""Shopify's Admin API as the ingestor uses it."""
