-- Dagster's own storage, apart from ours because it owns public.alembic_version. Run only while it is missing.
CREATE DATABASE dagster OWNER scheduler;
