-- Deletes locked runs. Guard: nothing that belongs to them is left, and no retry of them came up before they were locked.
DELETE FROM scheduler.runs AS r
WHERE r.tenant_id = %(tenant_id)s AND r.id = ANY(%(runs)s)
  AND NOT EXISTS (SELECT FROM scheduler.graph_jobs AS j WHERE j.tenant_id = r.tenant_id AND j.run_id = r.id)
  AND NOT EXISTS (SELECT FROM scheduler.policy_jobs AS j WHERE j.tenant_id = r.tenant_id AND j.run_id = r.id)
  AND NOT EXISTS (SELECT FROM scheduler.impact_snapshots AS s WHERE s.tenant_id = r.tenant_id AND s.run_id = r.id)
  AND NOT EXISTS (SELECT FROM scheduler.runs AS retry WHERE retry.tenant_id = r.tenant_id AND retry.retry_of = r.id)
