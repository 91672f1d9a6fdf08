-- The application's login: it owns nothing of the schema and inherits nothing. Run only while it is missing.
CREATE ROLE scheduler LOGIN NOSUPERUSER NOINHERIT NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
