-- Enters a tenant's room for the rest of the transaction: its role and its name.
SELECT set_config('role', 'scheduler_tenant', true), set_config('scheduler.tenant', %(tenant)s, true)
