-- Keeps what an impact run found, with the images that are or may be affected. Guard: the run exists and has no snapshot; returns how many.
WITH kept AS (
    INSERT INTO scheduler.impact_snapshots (
        tenant_id, id, run_id, schedule_id, selector, feed_revision, total, unknown, digest, created_at)
    SELECT tenant_id, %(id)s, id, %(schedule_id)s, %(selector)s, %(feed_revision)s, %(total)s, %(unknown)s, %(digest)s,
        %(created_at)s
    FROM scheduler.runs
    WHERE tenant_id = %(tenant_id)s AND id = %(run_id)s
    ON CONFLICT (tenant_id, run_id) DO NOTHING
    RETURNING tenant_id, id
), affected AS (
    INSERT INTO scheduler.impact_snapshot_images (tenant_id, snapshot_id, image_id, reasons, unknown)
    SELECT kept.tenant_id, kept.id, found.image_id, found.reasons, found.unknown
    FROM kept
    CROSS JOIN json_to_recordset(%(images)s::json) AS found (image_id uuid, reasons jsonb, unknown jsonb)
)
SELECT count(*) FROM kept
