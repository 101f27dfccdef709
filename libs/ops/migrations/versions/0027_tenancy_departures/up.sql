ALTER TABLE tenancy.shop_directory ADD COLUMN shop_id bigint UNIQUE CHECK (shop_id > 0);
ALTER TABLE tenancy.tenants ADD COLUMN uninstalled_at timestamptz;

ALTER TABLE tenancy.erasures ADD COLUMN due_at timestamptz, ADD COLUMN begun_at timestamptz;
-- Until now an erasure began as soon as it was asked for.
UPDATE tenancy.erasures SET due_at = requested_at, begun_at = requested_at;
ALTER TABLE tenancy.erasures ALTER COLUMN due_at SET NOT NULL;
ALTER TABLE tenancy.erasures
    ADD CONSTRAINT erasures_begun_before_done CHECK (done_at IS NULL OR begun_at IS NOT NULL);
CREATE INDEX erasures_due_at ON tenancy.erasures (due_at) WHERE begun_at IS NULL;
CREATE INDEX erasures_begun_at ON tenancy.erasures (begun_at);

-- One row for each delivery that says a shop has left, until Shopify itself has said so or not.
CREATE TABLE tenancy.departures (
    id           uuid PRIMARY KEY DEFAULT uuidv7(),
    tenant_id    uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    kind         text NOT NULL CHECK (kind IN ('uninstall', 'redact')),
    webhook_id   text NOT NULL,
    received_at  timestamptz NOT NULL,
    state        text NOT NULL DEFAULT 'open' CHECK (state IN
        ('open', 'held', 'confirmed', 'disproved', 'superseded', 'cancelled')),
    ask_at       timestamptz NOT NULL,
    asked_at     timestamptz,
    works        integer NOT NULL DEFAULT 0,
    undecided    integer NOT NULL DEFAULT 0,
    disconnected boolean NOT NULL DEFAULT false,
    settled_at   timestamptz,
    UNIQUE (tenant_id, kind, webhook_id),
    CHECK ((state IN ('open', 'held')) = (settled_at IS NULL))
);
CREATE UNIQUE INDEX departures_unsettled ON tenancy.departures (tenant_id, kind)
    WHERE settled_at IS NULL;
CREATE INDEX departures_ask_at ON tenancy.departures (ask_at) WHERE state = 'open';
CREATE INDEX departures_settled_at ON tenancy.departures (settled_at);

-- The brake on what cannot be undone: one row.
CREATE TABLE tenancy.departure_brake (
    id         integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    stopped_at timestamptz,
    resumed_at timestamptz
);
INSERT INTO tenancy.departure_brake DEFAULT VALUES;

GRANT SELECT, INSERT, UPDATE, DELETE ON tenancy.departures TO tillstream_oauth;
GRANT SELECT, INSERT, UPDATE, DELETE ON tenancy.departure_brake TO tillstream_oauth;
