-- Adds the affected images of a snapshot. Guard: an image stands in a snapshot once.
INSERT INTO scheduler.impact_snapshot_images (tenant_id, snapshot_id, image_id, reasons)
SELECT %(tenant_id)s, %(snapshot_id)s, image_id, reasons
FROM unnest(%(images)s::uuid[], %(reasons)s::jsonb[]) AS affected (image_id, reasons)
