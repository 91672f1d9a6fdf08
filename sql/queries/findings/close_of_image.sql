-- Closes the open findings of an image that is removed. Guard: fixed_at IS NULL.
UPDATE inventory.findings
SET fixed_at = %(now)s
WHERE tenant_id = %(tenant_id)s AND image_id = %(image_id)s AND fixed_at IS NULL
