-- One lock, held or free.
SELECT key, strategy, holder, fencing_token, acquired_at, expires_at
FROM scheduler.locks
WHERE key_digest = scheduler.lock_digest(%(key)s)
