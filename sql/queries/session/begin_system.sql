-- Enters the system's room for the rest of the transaction: it sees every tenant.
SELECT set_config('role', 'scheduler_system', true), set_config('scheduler.tenant', '', true)
