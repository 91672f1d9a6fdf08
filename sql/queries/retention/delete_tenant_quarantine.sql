-- Deletes what imports of tenants left out before an instant, at most a batch. Guard: no import replaces it at this moment; what is locked stays where it is.
DELETE FROM inventory.tenant_quarantine
WHERE ctid = ANY(ARRAY(
    SELECT q.ctid
    FROM inventory.tenant_quarantine AS q
    WHERE q.at < %(before)s
    ORDER BY q.at
    LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED))
