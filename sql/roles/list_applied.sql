-- Applied migrations in the order of their names, with the digest of what was run.
SELECT revision, sha256 FROM scheduler.applied_migrations ORDER BY revision
