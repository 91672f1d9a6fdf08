-- The images that are or may be affected, of a snapshot that was inserted in this transaction. Guard: each image once.
INSERT INTO scheduler.impact_snapshot_images (tenant_id, snapshot_id, image_id, reasons, unknown)
SELECT %(tenant_id)s, %(snapshot_id)s, image_id, reasons, unknown
FROM json_to_recordset(%(images)s::json) AS found (image_id uuid, reasons jsonb, unknown jsonb)
