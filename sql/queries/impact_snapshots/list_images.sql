-- The affected images of a snapshot.
SELECT image_id, reasons
FROM scheduler.impact_snapshot_images
WHERE tenant_id = %(tenant_id)s AND snapshot_id = %(snapshot_id)s AND reasons <> '[]'
ORDER BY image_id
