-- Takes a run out of a launch that died before it opened it; the attempt stays the same. Guard: state = 'queued' in that launch.
UPDATE scheduler.runs
SET state = 'pending', launch_id = NULL, lost_launches = lost_launches + %(lost)s::integer,
    available_at = greatest(available_at, %(available_at)s), reason = %(reason)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND state = 'queued' AND launch_id = %(launch_id)s
RETURNING id
