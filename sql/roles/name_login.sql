-- Tells grant_roles.sql which login is meant.
SELECT set_config('scheduler.login', %(login)s, true)
