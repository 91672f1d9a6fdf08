-- Pending runs of locked tenants that may start now, in turns between tenants: within the tenant's limit, and one at a time unless the schedule allows overlap; then too what an event fired waits for an open run that began, or will begin, after it. Whatever the clock says, one that was never put off starts, and one put off to when no backoff reaches.
SELECT due.tenant_id, due.id, due.kind, due.alone
FROM (
    SELECT may.tenant_id, may.id, may.kind, may.alone
    FROM unnest(%(tenants)s::text[]) AS locked (tenant_id)
    JOIN scheduler.tenants AS t ON t.tenant_id = locked.tenant_id
    CROSS JOIN LATERAL (
        SELECT first.*, row_number() OVER (ORDER BY first.priority DESC, first.scheduled_for, first.id) AS turn
        FROM (
            SELECT r.tenant_id, r.id, r.kind, r.attempt > 1 OR r.lost_launches > 0 AS alone, r.priority, r.scheduled_for
            FROM scheduler.runs AS r
            LEFT JOIN scheduler.schedules AS s ON s.tenant_id = r.tenant_id AND s.id = r.schedule_id
            WHERE r.tenant_id = t.tenant_id AND r.state = 'pending'
              AND r.available_at < %(now)s + interval '10 years'
              AND (r.available_at <= %(now)s OR r.available_at = r.created_at
                   OR r.available_at > %(now)s + interval '1 hour' + greatest(coalesce(s.backoff_cap, '0 hours'), interval '1 hour'))
              AND CASE
                    WHEN s.id IS NULL OR r.trigger_id IS NULL THEN true
                    WHEN s.overlap = 'allow' THEN r.trigger_kind <> 'event' OR r.events_seen IS NOT NULL OR NOT EXISTS (
                        SELECT FROM scheduler.runs AS o
                        WHERE o.tenant_id = r.tenant_id AND o.schedule_id = r.schedule_id AND o.id <> r.id
                          AND (o.kind, o.selection) = (r.kind, r.selection) AND o.mode IS NOT DISTINCT FROM r.mode
                          AND (o.state IN ('queued', 'running') OR o.state = 'pending' AND (o.scheduled_for, o.id) < (r.scheduled_for, r.id))
                          AND coalesce(o.events_seen >= s.events, true))
                    -- Of a backlog all but the first end here, by one entry of the index each.
                    WHEN r.id <> (
                        SELECT o.id
                        FROM scheduler.runs AS o
                        WHERE o.tenant_id = r.tenant_id AND o.schedule_id = r.schedule_id
                          AND o.state IN ('pending', 'queued', 'running')
                        ORDER BY o.scheduled_for, o.id
                        LIMIT 1) THEN false
                    ELSE NOT EXISTS (
                        SELECT FROM scheduler.runs AS o
                        WHERE o.tenant_id = r.tenant_id AND o.schedule_id = r.schedule_id AND o.id <> r.id
                          AND o.state IN ('queued', 'running'))
                  END
            ORDER BY r.priority DESC, r.scheduled_for, r.id
            LIMIT greatest(0, least(%(per_tenant)s, t.max_concurrent_runs - (
                    SELECT count(*) FROM scheduler.runs AS o
                    WHERE o.tenant_id = t.tenant_id AND o.state IN ('queued', 'running'))))) AS first) AS may
    ORDER BY may.turn, may.tenant_id
    LIMIT %(limit)s) AS due
ORDER BY due.kind, due.tenant_id, due.id
