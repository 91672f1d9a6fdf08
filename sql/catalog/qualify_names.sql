-- Makes every definition name its schema, whatever the login's search path.
SELECT set_config('search_path', '', true)
