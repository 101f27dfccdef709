-- The tables that are written by the thousand do without foreign keys that look up a row for each
-- row. What those promised is kept by one trigger a statement, and by the lock of store.versions.
ALTER TABLE store.order_lines DROP CONSTRAINT order_lines_tenant_id_order_id_fkey;
ALTER TABLE store.refunds DROP CONSTRAINT refunds_tenant_id_order_id_fkey;
ALTER TABLE store.orders DROP CONSTRAINT orders_tenant_id_fkey;
ALTER TABLE store.orders DROP CONSTRAINT orders_tenant_id_customer_id_fkey;
ALTER TABLE store.customers DROP CONSTRAINT customers_tenant_id_fkey;
ALTER TABLE store.customer_sales DROP CONSTRAINT customer_sales_tenant_id_fkey;

-- Rows are found by their key whatever the statistics of a table say that was empty a minute ago (a
-- plan stays as it was made first): without a sort, only the index of the key gives them in order. An
-- index by tenant alone, which looks as good to the planner then, would read all that the tenant has.
CREATE FUNCTION store.refuse_parts_without_order() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, store
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
    named record;
    found bigint;
BEGIN
    FOR named IN
        SELECT tenant_id, array_agg(DISTINCT order_id) AS ids FROM added GROUP BY tenant_id
    LOOP
        SELECT count(*) INTO found FROM (
            SELECT id FROM store.orders
            WHERE tenant_id = named.tenant_id AND id = ANY (named.ids)
            ORDER BY tenant_id, id) AS held;
        IF found < cardinality(named.ids) THEN
            RAISE foreign_key_violation USING
                MESSAGE = 'a line or refund belongs to no order', SCHEMA = 'store',
                TABLE = TG_TABLE_NAME;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER lines_have_an_order AFTER INSERT ON store.order_lines
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION store.refuse_parts_without_order();
CREATE TRIGGER refunds_have_an_order AFTER INSERT ON store.refunds
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION store.refuse_parts_without_order();

CREATE FUNCTION store.delete_parts_of_orders() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, store SET enable_seqscan = off
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off AS $$
BEGIN
    DELETE FROM store.order_lines AS line USING gone
    WHERE line.tenant_id = gone.tenant_id AND line.order_id = gone.id;
    DELETE FROM store.refunds AS refund USING gone
    WHERE refund.tenant_id = gone.tenant_id AND refund.order_id = gone.id;
    RETURN NULL;
END $$;
CREATE TRIGGER parts_go_with_their_order AFTER DELETE ON store.orders
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION store.delete_parts_of_orders();

CREATE FUNCTION store.refuse_orders_without_customer() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, store
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
    named record;
    found bigint;
BEGIN
    FOR named IN
        SELECT tenant_id, array_agg(DISTINCT customer_id) AS ids FROM written
        WHERE customer_id IS NOT NULL GROUP BY tenant_id
    LOOP
        SELECT count(*) INTO found FROM (
            SELECT id FROM store.customers
            WHERE tenant_id = named.tenant_id AND id = ANY (named.ids)
            ORDER BY tenant_id, id) AS held;
        IF found < cardinality(named.ids) THEN
            RAISE foreign_key_violation USING
                MESSAGE = 'an order has a customer that is not there', SCHEMA = 'store', TABLE = 'orders';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER new_orders_have_their_customer AFTER INSERT ON store.orders
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION store.refuse_orders_without_customer();
CREATE TRIGGER changed_orders_have_their_customer AFTER UPDATE ON store.orders
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION store.refuse_orders_without_customer();

CREATE FUNCTION store.forget_customers_of_orders() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, store SET enable_seqscan = off
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off AS $$
BEGIN
    UPDATE store.orders AS held SET customer_id = NULL FROM gone
    WHERE held.tenant_id = gone.tenant_id AND held.customer_id = gone.id;
    RETURN NULL;
END $$;
CREATE TRIGGER orders_forget_their_customer AFTER DELETE ON store.customers
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION store.forget_customers_of_orders();

-- Runs as the owner: the ingestor may not read tenants. A tenant that goes waits for the row of
-- store.versions that the writer holds.
CREATE FUNCTION store.refuse_rows_without_tenant() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, store AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT tenant_id FROM written) AS named
        WHERE NOT EXISTS (SELECT FROM tenancy.tenants AS known WHERE known.id = named.tenant_id))
    THEN
        RAISE foreign_key_violation USING
            MESSAGE = 'a row belongs to no tenant', SCHEMA = 'store', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION store.refuse_rows_without_tenant() FROM PUBLIC;
CREATE TRIGGER customers_have_a_tenant AFTER INSERT ON store.customers
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION store.refuse_rows_without_tenant();
CREATE TRIGGER orders_have_a_tenant AFTER INSERT ON store.orders
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION store.refuse_rows_without_tenant();
CREATE TRIGGER customer_sales_have_a_tenant AFTER INSERT ON store.customer_sales
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION store.refuse_rows_without_tenant();

-- Runs as the owner, for whom row-level security is forced too: it is shown the tenants that go.
-- It comes after the cascades, and so after the row of store.versions that a writer would hold.
CREATE FUNCTION store.delete_facts_of_tenants() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, store AS $$
DECLARE
    shown_before text := coalesce(current_setting('app.tenant_ids', true), '');
BEGIN
    PERFORM set_config('app.tenant_ids', (SELECT array_agg(id)::text FROM gone), true);
    DELETE FROM store.order_lines WHERE tenant_id IN (SELECT id FROM gone);
    DELETE FROM store.refunds WHERE tenant_id IN (SELECT id FROM gone);
    DELETE FROM store.orders WHERE tenant_id IN (SELECT id FROM gone);
    DELETE FROM store.customers WHERE tenant_id IN (SELECT id FROM gone);
    DELETE FROM store.customer_sales WHERE tenant_id IN (SELECT id FROM gone);
    PERFORM set_config('app.tenant_ids', shown_before, true);
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION store.delete_facts_of_tenants() FROM PUBLIC;
CREATE TRIGGER facts_go_with_their_tenant AFTER DELETE ON tenancy.tenants
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION store.delete_facts_of_tenants();
