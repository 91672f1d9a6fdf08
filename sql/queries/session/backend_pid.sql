-- The process that serves this statement.
SELECT pg_backend_pid() AS pid
