-- What a caller needs to know of the server it reached: whose it is, and which parts of the bootstrap are done.
SELECT current_setting('data_directory') AS data_directory,
       current_setting('server_version') AS version,
       pg_postmaster_start_time() AS started_at,
       EXISTS (SELECT FROM pg_roles WHERE rolname = 'scheduler') AS has_role,
       EXISTS (SELECT FROM pg_database WHERE datname = 'scheduler') AS has_scheduler_database,
       EXISTS (SELECT FROM pg_database WHERE datname = 'dagster') AS has_dagster_database;
