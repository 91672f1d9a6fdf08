-- Deletes work items of locked runs, at most a batch. Guard: their runs were locked in this transaction as past retention.
DELETE FROM scheduler.graph_jobs
WHERE tenant_id = %(tenant_id)s AND id IN (
    SELECT id
    FROM scheduler.graph_jobs
    WHERE tenant_id = %(tenant_id)s AND run_id = ANY(%(runs)s)
    LIMIT %(batch)s)
