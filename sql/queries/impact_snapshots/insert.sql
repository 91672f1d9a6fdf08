-- Keeps what an impact run found. Guard: one snapshot a run.
INSERT INTO scheduler.impact_snapshots (
    tenant_id, id, run_id, schedule_id, selector, feed_revision, total, unknown, digest, created_at)
VALUES (
    %(tenant_id)s, %(id)s, %(run_id)s, %(schedule_id)s, %(selector)s, %(feed_revision)s, %(total)s, %(unknown)s, %(digest)s,
    %(created_at)s)
