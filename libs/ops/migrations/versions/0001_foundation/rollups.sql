-- Totals, which change with the facts they are of: in the same transaction.
CREATE TABLE store.daily_sales (
    tenant_id uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    day       date NOT NULL,
    currency  text NOT NULL,
    orders    bigint NOT NULL DEFAULT 0,
    units     bigint NOT NULL DEFAULT 0,
    revenue   numeric NOT NULL DEFAULT 0,
    gross     numeric NOT NULL DEFAULT 0,
    discounts numeric NOT NULL DEFAULT 0,
    taxes     numeric NOT NULL DEFAULT 0,
    shipping  numeric NOT NULL DEFAULT 0,
    refunded  numeric NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, day, currency)
);

CREATE TABLE store.customer_sales (
    tenant_id   uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    customer_id bigint NOT NULL,
    currency    text NOT NULL,
    orders      bigint NOT NULL DEFAULT 0,
    units       bigint NOT NULL DEFAULT 0,
    revenue     numeric NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, customer_id, currency)
);
CREATE INDEX customer_sales_top ON store.customer_sales (tenant_id, currency, revenue DESC, customer_id);

CREATE TABLE store.product_sales (
    tenant_id  uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    product_id bigint NOT NULL,
    currency   text NOT NULL,
    units      bigint NOT NULL DEFAULT 0,
    gross      numeric NOT NULL DEFAULT 0,
    discounts  numeric NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, product_id, currency)
);

-- How many records of an entity count: neither deleted nor, by default, test orders.
CREATE TABLE store.entity_counts (
    tenant_id uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    entity    text NOT NULL,
    records   bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, entity)
);
