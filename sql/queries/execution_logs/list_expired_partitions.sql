-- Log partitions that end at or before an instant, oldest first: attached, half detached, or detached and not dropped yet.
SELECT month.partition, i.inhrelid IS NOT NULL AS attached, coalesce(i.inhdetachpending, false) AS pending
FROM (
    SELECT c.oid, c.relname AS partition,
        CASE WHEN c.relname ~ '^execution_logs_[0-9]{4}(0[1-9]|1[0-2])$'
             THEN (to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month') AT TIME ZONE 'UTC' END AS ends_at
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'scheduler' AND c.relkind = 'r') AS month
LEFT JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = month.oid AND i.inhparent = 'scheduler.execution_logs'::regclass
WHERE month.ends_at <= %(before)s
ORDER BY month.partition
