-- Which database of which server a connection leads to: no two servers began in the same microsecond.
SELECT current_database(), pg_postmaster_start_time()
