-- Frees a lock, with the session lock of this session. Guard: its fencing token, held until now.
UPDATE scheduler.locks AS l
SET holder = NULL, acquired_at = NULL, expires_at = NULL
WHERE key_digest = scheduler.lock_digest(%(key)s) AND fencing_token = %(token)s AND scheduler.is_held(l, %(now)s)
RETURNING CASE strategy WHEN 'advisory' THEN pg_advisory_unlock_all() END
