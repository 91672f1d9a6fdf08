-- Closes the open findings of a policy that is removed. Guard: fixed_at IS NULL.
UPDATE inventory.findings
SET fixed_at = %(now)s
WHERE tenant_id = %(tenant_id)s AND policy_id = %(policy_id)s AND fixed_at IS NULL
