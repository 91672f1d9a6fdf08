-- Holds a lock's row as it is until the transaction ends, so that nobody takes the lock meanwhile. Guard: its fencing token, held now.
SELECT l.key_digest
FROM scheduler.locks AS l
WHERE l.key_digest = scheduler.lock_digest(%(key)s) AND l.fencing_token = %(token)s AND scheduler.is_held(l, %(now)s)
FOR SHARE
