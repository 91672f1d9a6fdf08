-- Marks the events of triggers before their next occurrence as accounted for. Guard: the caller holds the triggers locked and wrote the rows.
UPDATE scheduler.trigger_events AS e
SET handled_at = %(now)s
FROM unnest(%(tenants)s::text[], %(triggers)s::uuid[], %(before)s::timestamptz[]) AS done (tenant_id, trigger_id, before)
WHERE e.tenant_id = done.tenant_id AND e.trigger_id = done.trigger_id AND e.handled_at IS NULL
  AND (done.before IS NULL OR e.at < done.before)
