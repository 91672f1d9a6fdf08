-- What a login may do past the policies.
SELECT rolsuper, rolbypassrls FROM pg_catalog.pg_roles WHERE rolname = %(login)s
