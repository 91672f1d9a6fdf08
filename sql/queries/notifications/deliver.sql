-- Says that a delivery succeeded. Guard: no later one began.
UPDATE scheduler.notifications
SET delivered_at = %(now)s, error = NULL
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND attempts = %(attempts)s AND delivered_at IS NULL AND given_up_at IS NULL
