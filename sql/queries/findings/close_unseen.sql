-- Closes the open findings of evaluated images that a run did not see again. Guard: last_run_id is another run's.
UPDATE inventory.findings
SET fixed_at = %(now)s
WHERE tenant_id = %(tenant_id)s AND image_id = ANY(%(images)s) AND fixed_at IS NULL AND last_run_id <> %(run_id)s
