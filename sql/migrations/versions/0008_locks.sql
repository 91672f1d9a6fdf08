-- Distributed locks: what a key may be, who holds a lock now, and tokens that no statement takes back.

CREATE FUNCTION scheduler.lock_digest(key text) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN sha256(convert_to(key, 'UTF8'));
COMMENT ON FUNCTION scheduler.lock_digest(text) IS 'SHA-256 of a lock''s key, which stands for the key in scheduler.locks.';

CREATE FUNCTION scheduler.advisory_key(key text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ('x' || encode(substr(scheduler.lock_digest(key), 1, 8), 'hex'))::bit(64)::bigint;
COMMENT ON FUNCTION scheduler.advisory_key(text) IS
    'The session advisory lock of a lock''s key: the first 64 bits of its SHA-256.';

ALTER TABLE scheduler.locks
    ADD CONSTRAINT matches_key CHECK (key_digest = scheduler.lock_digest(key)),
    ADD CONSTRAINT key_length CHECK (octet_length(key) BETWEEN 1 AND 10240),
    ADD CONSTRAINT holder_named CHECK (holder <> ''),
    ADD CONSTRAINT token_positive CHECK (fencing_token > 0),
    ADD CONSTRAINT expires_later CHECK (expires_at > acquired_at);
COMMENT ON COLUMN scheduler.locks.holder IS
    'Who took it last and did not release it; whether they hold it still tells is_held().';
COMMENT ON COLUMN scheduler.locks.expires_at IS 'When a lease ends; NULL for an advisory lock, which ends with its session.';
CREATE INDEX locks_by_key ON scheduler.locks (left(key, 250), key_digest);

CREATE FUNCTION scheduler.is_held(lock scheduler.locks, at timestamptz) RETURNS boolean
LANGUAGE sql VOLATILE
RETURN CASE
    WHEN (lock).holder IS NULL THEN false
    WHEN (lock).strategy = 'lease' THEN (lock).expires_at > at
    ELSE EXISTS (
        SELECT FROM pg_catalog.pg_locks AS session
        WHERE session.locktype = 'advisory' AND session.objsubid = 1 AND session.granted
          AND session.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
          AND (session.classid::bigint << 32 | session.objid::bigint) = scheduler.advisory_key((lock).key))
    END;
COMMENT ON FUNCTION scheduler.is_held(scheduler.locks, timestamptz) IS
    'Whether the holder still has it: a lease until it expires, an advisory lock while a session has it (now, whatever the instant).';

CREATE FUNCTION scheduler.refuse_older_token() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'the fencing token of lock % cannot go from % to %', left(OLD.key, 100),
        OLD.fencing_token, NEW.fencing_token USING ERRCODE = 'SC004';
END
$$;
COMMENT ON FUNCTION scheduler.refuse_older_token() IS 'Refuses an update that takes a fencing token back.';
CREATE TRIGGER token_grows BEFORE UPDATE ON scheduler.locks
    FOR EACH ROW WHEN (NEW.fencing_token < OLD.fencing_token) EXECUTE FUNCTION scheduler.refuse_older_token();

REVOKE EXECUTE ON FUNCTION scheduler.is_held(scheduler.locks, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION scheduler.is_held(scheduler.locks, timestamptz) TO scheduler_system;
