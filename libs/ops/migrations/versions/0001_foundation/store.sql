-- Owned by the ingestor: facts about every tenant's shop. tenant_id comes first in every key.
CREATE SCHEMA store;

CREATE TABLE store.shops (
    tenant_id           uuid PRIMARY KEY REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    shopify_id          bigint NOT NULL,
    domain              text NOT NULL,
    name                text NOT NULL,
    currency            text NOT NULL,
    zone                text NOT NULL,
    plan                text,
    taxes_included      boolean NOT NULL DEFAULT false,
    include_test_orders boolean NOT NULL DEFAULT false,
    history_since       date,
    observed_at         timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL DEFAULT now()
);

-- The lock and the data version of a tenant: one writer of facts at a time.
CREATE TABLE store.versions (
    tenant_id  uuid PRIMARY KEY REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    version    bigint NOT NULL DEFAULT 0,
    changed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE store.customers (
    tenant_id   uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    id          bigint NOT NULL,
    email       text,
    first_name  text,
    last_name   text,
    created_at  timestamptz,
    updated_at  timestamptz NOT NULL,
    observed_at timestamptz NOT NULL,
    pulled_at   timestamptz,
    deleted_at  timestamptz,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE store.orders (
    tenant_id            uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    id                   bigint NOT NULL,
    name                 text,
    customer_id          bigint,
    processed_at         timestamptz,
    day                  date,
    currency             text,
    presentment_currency text,
    total                numeric NOT NULL DEFAULT 0,
    current_total        numeric,
    presentment_total    numeric,
    subtotal             numeric NOT NULL DEFAULT 0,
    discounts            numeric NOT NULL DEFAULT 0,
    taxes                numeric NOT NULL DEFAULT 0,
    shipping             numeric NOT NULL DEFAULT 0,
    units                bigint NOT NULL DEFAULT 0,
    financial_status     text,
    fulfillment_status   text,
    test                 boolean NOT NULL DEFAULT false,
    counted              boolean NOT NULL DEFAULT true,
    cancelled_at         timestamptz,
    created_at           timestamptz,
    updated_at           timestamptz NOT NULL,
    observed_at          timestamptz NOT NULL,
    pulled_at            timestamptz,
    deleted_at           timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id)
        REFERENCES store.customers (tenant_id, id) ON DELETE SET NULL (customer_id),
    CHECK (deleted_at IS NOT NULL OR (processed_at IS NOT NULL AND day IS NOT NULL AND currency IS NOT NULL)),
    CHECK (NOT counted OR deleted_at IS NULL)
);
CREATE INDEX orders_customer ON store.orders (tenant_id, customer_id);
CREATE INDEX orders_day ON store.orders (tenant_id, day);

CREATE TABLE store.order_lines (
    tenant_id        uuid NOT NULL,
    order_id         bigint NOT NULL,
    id               bigint NOT NULL,
    product_id       bigint,
    variant_id       bigint,
    title            text NOT NULL,
    sku              text,
    quantity         bigint NOT NULL,
    current_quantity bigint NOT NULL,
    total            numeric NOT NULL,
    discounts        numeric NOT NULL DEFAULT 0,
    currency         text NOT NULL,
    counted          boolean NOT NULL,
    PRIMARY KEY (tenant_id, order_id, id),
    FOREIGN KEY (tenant_id, order_id) REFERENCES store.orders (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE store.refunds (
    tenant_id   uuid NOT NULL,
    order_id    bigint NOT NULL,
    id          bigint NOT NULL,
    created_at  timestamptz NOT NULL,
    day         date NOT NULL,
    amount      numeric NOT NULL,
    currency    text NOT NULL,
    counted     boolean NOT NULL,
    observed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, order_id, id),
    FOREIGN KEY (tenant_id, order_id) REFERENCES store.orders (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE store.products (
    tenant_id   uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    id          bigint NOT NULL,
    title       text,
    handle      text,
    vendor      text,
    status      text,
    price       numeric,
    created_at  timestamptz,
    updated_at  timestamptz NOT NULL,
    observed_at timestamptz NOT NULL,
    pulled_at   timestamptz,
    deleted_at  timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK (deleted_at IS NOT NULL OR title IS NOT NULL)
);

CREATE TABLE store.pulls (
    tenant_id         uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    id                uuid NOT NULL,
    kind              text NOT NULL CHECK (kind IN ('backfill', 'reconciliation')),
    state             text NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'mismatch')),
    requested_at      timestamptz NOT NULL,
    started_at        timestamptz,
    finished_at       timestamptz,
    heartbeat_at      timestamptz,
    records_processed bigint NOT NULL DEFAULT 0,
    errors            jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (tenant_id, id)
);

-- How far a pull is with one entity; `checkpoint` is what a killed worker's successor goes on from.
CREATE TABLE store.pull_entities (
    tenant_id  uuid NOT NULL,
    pull_id    uuid NOT NULL,
    entity     text NOT NULL CHECK (entity IN ('customers', 'orders', 'products')),
    state      text NOT NULL CHECK (state IN ('waiting', 'exporting', 'importing', 'done', 'failed')),
    done       bigint NOT NULL DEFAULT 0,
    expected   bigint,
    checkpoint jsonb NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, pull_id, entity),
    FOREIGN KEY (tenant_id, pull_id) REFERENCES store.pulls (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE store.watermarks (
    tenant_id  uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    entity     text NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, entity)
);

-- Which tenant is to be pulled when, and who is at it. Read before a tenant is known: no row-level
-- security, no personal data.
CREATE TABLE store.schedule (
    tenant_id   uuid PRIMARY KEY REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    due_at      timestamptz,
    pull_id     uuid,
    lease_owner uuid,
    lease_until timestamptz
);
CREATE INDEX schedule_due ON store.schedule (due_at) WHERE due_at IS NOT NULL;

-- A delivery is applied once; the rows live as long as Shopify could send it again.
CREATE TABLE store.applied_deliveries (
    tenant_id   uuid NOT NULL,
    day         date NOT NULL,
    delivery_id text NOT NULL,
    PRIMARY KEY (tenant_id, day, delivery_id)
) PARTITION BY RANGE (day);

-- Makes the partitions of last week to the day after tomorrow and drops those before. Runs as the
-- owner, since a partition is a table and services own none.
CREATE FUNCTION store.turn_applied_deliveries() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, store AS $$
DECLARE
    today date := (now() AT TIME ZONE 'UTC')::date;
    which date;
    partition text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('store.applied_deliveries', 0));
    FOR which IN SELECT today + n FROM generate_series(-7, 2) AS n LOOP
        partition := 'applied_deliveries_' || to_char(which, 'YYYYMMDD');
        IF to_regclass('store.' || partition) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE store.%I PARTITION OF store.applied_deliveries FOR VALUES FROM (%L) TO (%L)',
                partition, which, which + 1);
        END IF;
    END LOOP;
    FOR partition IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'store.applied_deliveries'::regclass
          AND c.relname < 'applied_deliveries_' || to_char(today - 7, 'YYYYMMDD')
    LOOP
        EXECUTE format('DROP TABLE store.%I', partition);
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION store.turn_applied_deliveries() FROM PUBLIC;
SELECT store.turn_applied_deliveries();

-- What a person must look at. No foreign key: a message that cannot be read names no tenant.
CREATE TABLE store.dead_letters (
    tenant_id    uuid NOT NULL,
    id           uuid NOT NULL,
    consumer     text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('delivery', 'event', 'message')),
    reason       text NOT NULL,
    attempts     integer NOT NULL,
    topic        text,
    delivery_id  text,
    triggered_at timestamptz,
    record       bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
