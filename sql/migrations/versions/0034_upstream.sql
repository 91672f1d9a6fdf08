-- Advisories of distributions name what they are about as `upstream`, no longer among their aliases (OSV schema 1.7).
-- Those modified in the future are refused from now on.

ALTER TABLE inventory.advisories ADD COLUMN upstream text[] NOT NULL DEFAULT '{}';
ALTER TABLE inventory.staged_advisories ADD COLUMN upstream text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN inventory.advisories.upstream IS
    'Ids of the vulnerabilities that it is about, such as the CVEs of a DSA; empty too where it was read by a release that left them out.';

-- What an unfinished import staged lacks them; it would be published as it is. The import begins anew.
DELETE FROM inventory.advisory_imports WHERE finished_at IS NULL;

-- What says that it was modified in the future would refuse every record until then. Any record takes its place now.
UPDATE inventory.advisories SET modified = '1970-01-01T00:00:00Z' WHERE modified > now() + interval '1 day';
