-- The images of a snapshot that are or may be affected, after an image, by id.
SELECT image_id, reasons, unknown
FROM scheduler.impact_snapshot_images
WHERE tenant_id = %(tenant_id)s AND snapshot_id = %(snapshot_id)s
    AND (%(after_image_id)s::uuid IS NULL OR image_id > %(after_image_id)s)
ORDER BY image_id
LIMIT %(limit)s
