-- Removes one schedule's summaries of a day, to be computed anew. Guard: the ledger of that day is whole.
DELETE FROM scheduler.run_summaries
WHERE tenant_id = %(tenant_id)s AND kind = %(kind)s AND granularity IN ('hour', 'day')
  AND (schedule_id = %(schedule_id)s::uuid OR (schedule_id IS NULL AND %(schedule_id)s::uuid IS NULL))
  AND bucket >= %(day)s AND bucket < %(next_day)s
  AND EXISTS (
    SELECT FROM scheduler.tenants AS t
    WHERE t.tenant_id = %(tenant_id)s AND (t.ledger_since IS NULL OR t.ledger_since <= %(day)s))
