-- Lets one session at a time drop log partitions; false when another does.
SELECT pg_try_advisory_lock(hashtextextended('scheduler.drop_log_partitions', 0)) AS alone
