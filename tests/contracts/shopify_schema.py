"""Shopify's whole Admin API 2026-10, as `make setup` fetched it."""

import gzip
import json
from functools import cache
from pathlib import Path

from graphql import GraphQLSchema, build_client_schema

INTROSPECTION = Path(__file__).resolve().parents[2] / ".cache/shopify-dev-mcp/admin_2026-10.json.gz"


@cache
def full_schema() -> GraphQLSchema:
    """Takes seconds, once a process."""
    assert INTROSPECTION.is_file(), "run `make setup`: it fetches the Admin API's schema"
    found = json.loads(gzip.decompress(INTROSPECTION.read_bytes()))
    # Shopify deprecates fields that an interface still has, which a strict check refuses.
    return build_client_schema(found.get("data", found), assume_valid=True)
