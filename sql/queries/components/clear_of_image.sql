-- Forgets which components an image holds, before its new ones are written. Guard: one tenant, one image.
DELETE FROM inventory.image_components
WHERE tenant_id = %(tenant_id)s AND image_id = %(image_id)s
