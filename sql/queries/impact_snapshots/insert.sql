-- Keeps what an impact run found, without its images. Guard: the run exists and has no snapshot; returns how many.
WITH kept AS (
    INSERT INTO scheduler.impact_snapshots (
        tenant_id, id, run_id, schedule_id, selector, feed_revision, total, unknown, digest, created_at)
    SELECT tenant_id, %(id)s, id, %(schedule_id)s, %(selector)s, %(feed_revision)s, %(total)s, %(unknown)s, %(digest)s,
        %(created_at)s
    FROM scheduler.runs
    WHERE tenant_id = %(tenant_id)s AND id = %(run_id)s
    ON CONFLICT (tenant_id, run_id) DO NOTHING
    RETURNING id
)
SELECT count(*) FROM kept
