-- Makes this connection the owner's for schema changes, none of which waits for a lock longer than so many milliseconds.
SELECT set_config('role', 'scheduler_owner', false), set_config('lock_timeout', %(milliseconds)s::text, false)
