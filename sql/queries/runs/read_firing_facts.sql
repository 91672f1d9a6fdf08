-- What rates and conditions of locked schedules are held against: their fires of the last hour, and what changed since the last completed run. A change committed late may carry an earlier instant, a fire of another claimer a later one: a minute's margin; what lies further ahead fired by a clock that was set back since.
SELECT locked.tenant_id, locked.schedule_id, recent.fired, last.started_at AS last_started_at,
    CASE
        WHEN last.started_at IS NULL THEN true
        WHEN last.feed_revision IS NULL
            THEN coalesce((SELECT max(created_at) FROM inventory.feed_revisions) > last.started_at - interval '1 minute', false)
        ELSE coalesce((SELECT max(revision) FROM inventory.feed_revisions) > last.feed_revision, false)
    END AS feed_changed,
    last.started_at IS NULL OR EXISTS (
        SELECT FROM inventory.policies AS p
        WHERE p.tenant_id = locked.tenant_id AND p.updated_at > last.started_at - interval '1 minute')
        AS policy_revision_changed
FROM unnest(%(tenants)s::text[], %(schedules)s::uuid[]) AS locked (tenant_id, schedule_id)
JOIN scheduler.schedules AS s ON s.tenant_id = locked.tenant_id AND s.id = locked.schedule_id
CROSS JOIN LATERAL (
    SELECT count(*) AS fired
    FROM scheduler.runs AS r
    WHERE r.tenant_id = locked.tenant_id AND r.schedule_id = locked.schedule_id AND r.trigger_id IS NOT NULL
      AND r.skipped_count IS NULL AND r.created_at > %(now)s - interval '1 hour'
      AND r.created_at <= %(now)s + interval '1 minute') AS recent
LEFT JOIN LATERAL (
    SELECT r.started_at, (r.stats ->> 'feed_revision')::bigint AS feed_revision
    FROM scheduler.runs AS r
    WHERE r.tenant_id = locked.tenant_id AND r.schedule_id = locked.schedule_id AND r.state = 'completed'
    ORDER BY r.finished_at DESC
    LIMIT 1) AS last ON true
