"""A Shopify that runs here: OAuth, Admin GraphQL, bulk operations and webhooks, as one process."""
