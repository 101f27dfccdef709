"""Shopify on this machine, in one process: OAuth, Admin API, bulk operations and webhooks."""
