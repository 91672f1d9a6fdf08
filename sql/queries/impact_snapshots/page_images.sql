-- The affected images of a snapshot after an image, by id.
SELECT image_id, reasons
FROM scheduler.impact_snapshot_images
WHERE tenant_id = %(tenant_id)s AND snapshot_id = %(snapshot_id)s
    AND (%(after_image_id)s::uuid IS NULL OR image_id > %(after_image_id)s)
ORDER BY image_id
LIMIT %(limit)s
