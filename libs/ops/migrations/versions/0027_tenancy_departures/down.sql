DROP TABLE tenancy.departure_brake;
DROP TABLE tenancy.departures;
-- Before, a row meant that the erasure had begun.
DELETE FROM tenancy.erasures WHERE begun_at IS NULL;
ALTER TABLE tenancy.erasures DROP COLUMN due_at, DROP COLUMN begun_at;
ALTER TABLE tenancy.tenants DROP COLUMN uninstalled_at;
ALTER TABLE tenancy.shop_directory DROP COLUMN shop_id;
