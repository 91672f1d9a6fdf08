-- Says that a delivery failed, and when the next one may begin; without one it is given up. Guard: no later one began.
UPDATE scheduler.notifications
SET error = %(error)s, available_at = coalesce(%(again)s::timestamptz, available_at),
    given_up_at = CASE WHEN %(again)s::timestamptz IS NULL THEN %(now)s::timestamptz END
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND attempts = %(attempts)s AND delivered_at IS NULL AND given_up_at IS NULL
