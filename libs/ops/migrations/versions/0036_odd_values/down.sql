SET LOCAL lock_timeout = '5s';

SELECT set_config(
    'app.tenant_ids', coalesce((SELECT array_agg(id) FROM tenancy.tenants), '{}')::text, true);
UPDATE store.orders SET processed_at = coalesce(created_at, '1970-01-01T00:00:00Z')
    WHERE deleted_at IS NULL AND processed_at IS NULL;
UPDATE store.orders AS held SET day = (held.processed_at AT TIME ZONE shop.zone)::date
    FROM store.shops AS shop
    WHERE shop.tenant_id = held.tenant_id AND held.day IS NULL AND held.deleted_at IS NULL;
UPDATE store.refunds SET created_at = '1970-01-01T00:00:00Z' WHERE created_at IS NULL;
UPDATE store.refunds AS held SET day = (held.created_at AT TIME ZONE shop.zone)::date
    FROM store.shops AS shop WHERE shop.tenant_id = held.tenant_id AND held.day IS NULL;

DELETE FROM store.daily_sales WHERE tenant_id IN (SELECT tenant_id FROM store.undated_sales);
INSERT INTO store.daily_sales
    SELECT tenant_id, day, currency, sum(orders), sum(units), sum(revenue), sum(gross),
        sum(discounts), sum(taxes), sum(shipping), sum(refunded)
    FROM (
        SELECT tenant_id, day, currency, 1 AS orders, units, total AS revenue,
            subtotal + discounts AS gross, discounts, taxes, shipping, 0::numeric AS refunded
        FROM store.orders WHERE counted
        UNION ALL
        SELECT tenant_id, day, currency, 0, 0, 0, 0, 0, 0, 0, amount
        FROM store.refunds WHERE counted) AS images
    WHERE tenant_id IN (SELECT tenant_id FROM store.undated_sales)
    GROUP BY tenant_id, day, currency;
SELECT set_config('app.tenant_ids', '', true);

ALTER TABLE store.refunds ALTER COLUMN day SET NOT NULL, ALTER COLUMN created_at SET NOT NULL;
ALTER TABLE store.orders
    DROP CONSTRAINT orders_check,
    ADD CONSTRAINT orders_check CHECK (
        deleted_at IS NOT NULL
        OR (processed_at IS NOT NULL AND day IS NOT NULL AND currency IS NOT NULL));
DROP TABLE store.undated_sales;
DROP TABLE store.unreadable_fields;
