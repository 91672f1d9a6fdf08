-- Lets no statement of this transaction wait for a lock longer than so many milliseconds.
SELECT set_config('lock_timeout', %(milliseconds)s::text, true)
