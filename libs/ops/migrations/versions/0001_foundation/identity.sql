-- Owned by the gateway.
CREATE SCHEMA identity;

CREATE TABLE identity.users (
    id            uuid PRIMARY KEY DEFAULT uuidv7(),
    username      text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE identity.memberships (
    tenant_id   uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    user_id     uuid NOT NULL REFERENCES identity.users (id) ON DELETE CASCADE,
    shop_domain text NOT NULL,
    role        text NOT NULL CHECK (role IN ('owner', 'admin', 'analyst', 'viewer')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, user_id)
);
CREATE INDEX memberships_user ON identity.memberships (user_id);
CREATE UNIQUE INDEX memberships_one_first_owner ON identity.memberships (tenant_id)
    WHERE role = 'owner';

CREATE TABLE identity.sessions (
    token_hash bytea PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES identity.users (id) ON DELETE CASCADE,
    tenant_id  uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    FOREIGN KEY (tenant_id, user_id)
        REFERENCES identity.memberships (tenant_id, user_id) ON DELETE CASCADE
);
CREATE INDEX sessions_user ON identity.sessions (user_id);
CREATE INDEX sessions_expires_at ON identity.sessions (expires_at);

CREATE TABLE identity.redeemed_claims (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    user_id     uuid NOT NULL REFERENCES identity.users (id) ON DELETE CASCADE,
    redeemed_at timestamptz NOT NULL
);
