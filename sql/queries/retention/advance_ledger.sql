-- Says that runs before a day are no longer all there. Guard: the day never goes back.
UPDATE scheduler.tenants
SET ledger_since = %(before)s
WHERE tenant_id = %(tenant_id)s AND (ledger_since IS NULL OR ledger_since < %(before)s)
