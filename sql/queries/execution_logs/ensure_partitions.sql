-- Makes the monthly partitions of a period; returns how many were missing.
SELECT scheduler.ensure_log_partitions(%(since)s, %(until)s) AS made
