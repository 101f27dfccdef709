-- Owned by the oauth service, which works before it knows a tenant: so rows are found by what Shopify
-- calls them, and only grants keep other services out.

CREATE SCHEMA tenancy;

CREATE TABLE tenancy.tenants (
    id           uuid PRIMARY KEY DEFAULT uuidv7(),
    connected_at timestamptz NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tenancy.shop_directory (
    domain     text PRIMARY KEY CHECK (domain = lower(domain)),
    tenant_id  uuid NOT NULL UNIQUE REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    status     text NOT NULL CHECK (status IN ('active', 'disconnected', 'reconnect_required')),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tenancy.credentials (
    tenant_id                uuid PRIMARY KEY REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    access_token_ciphertext  bytea NOT NULL,
    access_expires_at        timestamptz,
    refresh_token_ciphertext bytea,
    refresh_expires_at       timestamptz,
    scopes                   text[] NOT NULL,
    installed_at             timestamptz NOT NULL,
    updated_at               timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tenancy.install_states (
    state_hash   bytea PRIMARY KEY,
    browser_hash bytea NOT NULL,
    domain       text NOT NULL,
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz
);
CREATE INDEX install_states_expires_at ON tenancy.install_states (expires_at);

CREATE TABLE tenancy.outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id   uuid NOT NULL UNIQUE,
    type       text NOT NULL,
    tenant_id  uuid NOT NULL,
    body       jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
