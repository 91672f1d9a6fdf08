-- Lets one import of advisories run at a time.
SELECT pg_advisory_xact_lock(hashtextextended('scheduler.feed', 0))
