-- A table has one writer. Roles are made by `tillstream migrate` before this runs.
GRANT USAGE ON SCHEMA tenancy TO tillstream_oauth, tillstream_webhooks;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tenancy TO tillstream_oauth;
GRANT SELECT ON tenancy.shop_directory TO tillstream_webhooks;

GRANT USAGE ON SCHEMA identity TO tillstream_gateway;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA identity TO tillstream_gateway;

GRANT USAGE ON SCHEMA intake TO tillstream_webhooks;
GRANT SELECT, INSERT, DELETE ON intake.spool TO tillstream_webhooks;
-- FOR UPDATE SKIP LOCKED asks for this; no column of a spooled delivery is ever changed.
GRANT UPDATE (lane) ON intake.spool TO tillstream_webhooks;

GRANT USAGE ON SCHEMA store TO tillstream_ingestor, tillstream_analytics;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    store.shops, store.versions, store.customers, store.orders, store.order_lines, store.refunds,
    store.products, store.pulls, store.pull_entities, store.watermarks, store.schedule,
    store.applied_deliveries, store.dead_letters, store.daily_sales, store.customer_sales,
    store.product_sales, store.entity_counts
    TO tillstream_ingestor;
GRANT EXECUTE ON FUNCTION store.turn_applied_deliveries() TO tillstream_ingestor;
GRANT SELECT ON
    store.shops, store.versions, store.customers, store.orders, store.order_lines, store.refunds,
    store.products, store.pulls, store.pull_entities, store.daily_sales, store.customer_sales,
    store.product_sales, store.entity_counts
    TO tillstream_analytics;

ALTER ROLE tillstream_gateway SET statement_timeout = '10s';
ALTER ROLE tillstream_oauth SET statement_timeout = '10s';
ALTER ROLE tillstream_webhooks SET statement_timeout = '5s';
ALTER ROLE tillstream_analytics SET statement_timeout = '30s';
ALTER ROLE tillstream_ingestor SET statement_timeout = '60s';
ALTER ROLE tillstream_gateway SET lock_timeout = '2s';
ALTER ROLE tillstream_oauth SET lock_timeout = '20s';
ALTER ROLE tillstream_webhooks SET lock_timeout = '1s';
ALTER ROLE tillstream_ingestor SET lock_timeout = '30s';
