DROP TRIGGER facts_go_with_their_tenant ON tenancy.tenants;
DROP TRIGGER customer_sales_have_a_tenant ON store.customer_sales;
DROP TRIGGER orders_have_a_tenant ON store.orders;
DROP TRIGGER customers_have_a_tenant ON store.customers;
DROP TRIGGER orders_forget_their_customer ON store.customers;
DROP TRIGGER changed_orders_have_their_customer ON store.orders;
DROP TRIGGER new_orders_have_their_customer ON store.orders;
DROP TRIGGER parts_go_with_their_order ON store.orders;
DROP TRIGGER refunds_have_an_order ON store.refunds;
DROP TRIGGER lines_have_an_order ON store.order_lines;
DROP FUNCTION store.delete_facts_of_tenants();
DROP FUNCTION store.refuse_rows_without_tenant();
DROP FUNCTION store.forget_customers_of_orders();
DROP FUNCTION store.refuse_orders_without_customer();
DROP FUNCTION store.delete_parts_of_orders();
DROP FUNCTION store.refuse_parts_without_order();

-- A new foreign key looks at every row, and row-level security would hide them from the owner.
ALTER TABLE store.order_lines NO FORCE ROW LEVEL SECURITY;
ALTER TABLE store.refunds NO FORCE ROW LEVEL SECURITY;
ALTER TABLE store.orders NO FORCE ROW LEVEL SECURITY;
ALTER TABLE store.customers NO FORCE ROW LEVEL SECURITY;
ALTER TABLE store.customer_sales NO FORCE ROW LEVEL SECURITY;
ALTER TABLE store.order_lines ADD CONSTRAINT order_lines_tenant_id_order_id_fkey
    FOREIGN KEY (tenant_id, order_id) REFERENCES store.orders (tenant_id, id) ON DELETE CASCADE;
ALTER TABLE store.refunds ADD CONSTRAINT refunds_tenant_id_order_id_fkey
    FOREIGN KEY (tenant_id, order_id) REFERENCES store.orders (tenant_id, id) ON DELETE CASCADE;
ALTER TABLE store.orders ADD CONSTRAINT orders_tenant_id_fkey
    FOREIGN KEY (tenant_id) REFERENCES tenancy.tenants (id) ON DELETE CASCADE;
ALTER TABLE store.orders ADD CONSTRAINT orders_tenant_id_customer_id_fkey
    FOREIGN KEY (tenant_id, customer_id)
    REFERENCES store.customers (tenant_id, id) ON DELETE SET NULL (customer_id);
ALTER TABLE store.customers ADD CONSTRAINT customers_tenant_id_fkey
    FOREIGN KEY (tenant_id) REFERENCES tenancy.tenants (id) ON DELETE CASCADE;
ALTER TABLE store.customer_sales ADD CONSTRAINT customer_sales_tenant_id_fkey
    FOREIGN KEY (tenant_id) REFERENCES tenancy.tenants (id) ON DELETE CASCADE;
ALTER TABLE store.order_lines FORCE ROW LEVEL SECURITY;
ALTER TABLE store.refunds FORCE ROW LEVEL SECURITY;
ALTER TABLE store.orders FORCE ROW LEVEL SECURITY;
ALTER TABLE store.customers FORCE ROW LEVEL SECURITY;
ALTER TABLE store.customer_sales FORCE ROW LEVEL SECURITY;
