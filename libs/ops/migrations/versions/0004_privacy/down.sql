ALTER TABLE intake.spool DROP COLUMN tenant_id;
DROP TABLE store.privacy_requests;
DROP TABLE store.erasures;
ALTER TABLE store.customers DROP COLUMN redacted_at;
DROP TABLE tenancy.erasures;
