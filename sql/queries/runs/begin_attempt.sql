-- Begins the attempt of an opened run: a packed launch opens its runs together, but carries them out in turn. What its schedule has heard of by then the first attempt sees. Guard: state = 'running' and its fencing token.
UPDATE scheduler.runs AS r
SET started_at = %(now)s, begun = true,
    events_seen = coalesce(r.events_seen, (
        SELECT s.events FROM scheduler.schedules AS s WHERE s.tenant_id = r.tenant_id AND s.id = r.schedule_id))
WHERE r.tenant_id = %(tenant_id)s AND r.id = %(id)s AND r.state = 'running' AND r.fencing_token = %(token)s
RETURNING r.id
