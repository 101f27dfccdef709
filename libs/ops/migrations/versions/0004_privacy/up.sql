-- The receipt of an erased tenant. It outlives the tenant, so it has no foreign key, and holds no
-- personal data. `erased` is what each service reported: its name to table to rows.
CREATE TABLE tenancy.erasures (
    tenant_id    uuid PRIMARY KEY,
    domain_hash  bytea NOT NULL,
    cause        text NOT NULL CHECK (cause IN ('shop_redact', 'owner')),
    requested_at timestamptz NOT NULL,
    erased       jsonb NOT NULL DEFAULT '{}',
    done_at      timestamptz
);
GRANT SELECT, INSERT, UPDATE, DELETE ON tenancy.erasures TO tillstream_oauth;

-- Set once a person is to be forgotten: from then on no copy brings name or e-mail back.
ALTER TABLE store.customers ADD COLUMN redacted_at timestamptz;

-- The ingestor's tombstone of a tenant: what still comes for it is dropped.
CREATE TABLE store.erasures (
    tenant_id    uuid PRIMARY KEY,
    requested_at timestamptz NOT NULL,
    erased_at    timestamptz,
    counts       jsonb NOT NULL DEFAULT '{}'
);

-- One row for each request about a customer, as its receipt; `file` goes at `expires_at`.
CREATE TABLE store.privacy_requests (
    tenant_id    uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    id           uuid NOT NULL,
    topic        text NOT NULL CHECK (topic IN ('customers/redact', 'customers/data_request')),
    customer_id  bigint NOT NULL,
    requested_at timestamptz NOT NULL,
    done_at      timestamptz NOT NULL,
    counts       jsonb NOT NULL,
    file         bytea,
    expires_at   timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK (file IS NULL OR expires_at IS NOT NULL)
);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['erasures', 'privacy_requests'] LOOP
        EXECUTE format('ALTER TABLE store.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE store.%I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY tenant ON store.%I USING (tenant_id = ANY ((SELECT nullif(current_setting(''app.tenant_ids'', true), '''')::uuid[])::uuid[])) '
            'WITH CHECK (tenant_id = ANY ((SELECT nullif(current_setting(''app.tenant_ids'', true), '''')::uuid[])::uuid[]))',
            name);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON store.erasures, store.privacy_requests
    TO tillstream_ingestor;

-- By this the webhooks service drops what it still holds for a shop that has left the directory.
-- A row of before has none, and is relayed.
ALTER TABLE intake.spool ADD COLUMN tenant_id uuid;
