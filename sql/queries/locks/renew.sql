-- Prolongs a lease from now on; an advisory lock lasts as long as its session. Guard: its fencing token, held until now.
UPDATE scheduler.locks AS l
SET expires_at = CASE l.strategy WHEN 'lease' THEN %(now)s + %(ttl)s::interval END
WHERE key_digest = scheduler.lock_digest(%(key)s) AND fencing_token = %(token)s AND scheduler.is_held(l, %(now)s)
RETURNING key_digest
