-- Whether Dagster's tables are there, or this login may create them where they would go.
SELECT to_regclass('runs') IS NOT NULL OR coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)
