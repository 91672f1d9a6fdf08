-- Docker Hub has one name, docker.io, and what Docker publishes there is in library/. Of images that come to one name so
-- the one that has it keeps it, else the one changed last gets it; others stay as they are, for `scheduler image remove`.

WITH named AS (
    SELECT i.tenant_id, i.id, i.registry, i.repository, i.identity, i.updated_at,
        CASE WHEN position('/' IN i.repository) = 0 THEN 'library/' || i.repository ELSE i.repository END AS canonical
    FROM inventory.images AS i
    WHERE i.registry IN ('docker.io', 'index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com')),
chosen AS (
    SELECT DISTINCT ON (tenant_id, canonical, identity) tenant_id, id, registry, repository, canonical
    FROM named
    ORDER BY tenant_id, canonical, identity, registry = 'docker.io' AND repository = canonical DESC, updated_at DESC, id DESC)
UPDATE inventory.images AS i
SET registry = 'docker.io', repository = c.canonical
FROM chosen AS c
WHERE i.tenant_id = c.tenant_id AND i.id = c.id AND (i.registry, i.repository) <> ('docker.io', c.canonical);

UPDATE inventory.vex_statements
SET image = image || jsonb_build_object('registry', 'docker.io', 'repository',
    CASE WHEN position('/' IN image ->> 'repository') = 0 THEN 'library/' ELSE '' END || (image ->> 'repository'))
WHERE image ->> 'registry' IN ('docker.io', 'index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com');
