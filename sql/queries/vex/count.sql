-- How many VEX statements a tenant has: it grows with each, since none is ever changed or taken back.
SELECT count(*) FROM inventory.vex_statements WHERE tenant_id = %(tenant_id)s
