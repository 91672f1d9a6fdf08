-- A page of locks in the order of their keys' first 250 characters: all, or those held at an instant.
SELECT key, strategy, holder, fencing_token, acquired_at, expires_at
FROM scheduler.locks AS l
WHERE (%(after_key)s::text IS NULL
       OR (left(key, 250), key_digest) > (left(%(after_key)s, 250), scheduler.lock_digest(%(after_key)s)))
  AND (%(held_at)s::timestamptz IS NULL OR scheduler.is_held(l, %(held_at)s))
ORDER BY left(key, 250), key_digest
LIMIT %(limit)s
