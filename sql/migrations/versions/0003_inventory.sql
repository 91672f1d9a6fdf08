-- Schema inventory: what the engines read and write.

CREATE TABLE inventory.images (
    tenant_id   text NOT NULL REFERENCES scheduler.tenants,
    id          uuid NOT NULL,
    registry    text NOT NULL,
    repository  text NOT NULL CHECK (repository <> ''),
    digest      text CHECK (digest ~ '^[a-z0-9]+:[0-9a-f]{32,128}$'),
    tag         text,
    namespace   text NOT NULL CHECK (namespace <> ''),
    labels      jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(labels) = 'object'),
    sbom_id     uuid,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    identity    text NOT NULL GENERATED ALWAYS AS (coalesce(digest, 'tag:' || coalesce(tag, ''))) STORED,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, registry, repository, identity)
);
COMMENT ON TABLE inventory.images IS 'Container images of a tenant.';
COMMENT ON COLUMN inventory.images.digest IS 'Digest of the image; NULL when its SBOM does not say.';
COMMENT ON COLUMN inventory.images.identity IS 'What tells images of a repository apart: the digest, or without one the tag.';
COMMENT ON COLUMN inventory.images.sbom_id IS 'The SBOM that holds now; its components are in image_components.';
CREATE INDEX images_of_namespace ON inventory.images (tenant_id, namespace, repository);

CREATE TABLE inventory.sboms (
    tenant_id         text NOT NULL,
    id                uuid NOT NULL,
    image_id          uuid NOT NULL,
    digest            text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    spec_version      text NOT NULL,
    serial_number     text,
    component_count   integer NOT NULL CHECK (component_count > 0),
    dependency_count  integer NOT NULL CHECK (dependency_count >= 0),
    content           bytea NOT NULL,
    ingested_at       timestamptz NOT NULL,
    ingested_by       text NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, image_id) REFERENCES inventory.images,
    UNIQUE (tenant_id, image_id, digest)
);
COMMENT ON TABLE inventory.sboms IS 'SBOM documents by image and digest.';
COMMENT ON COLUMN inventory.sboms.digest IS 'SHA-256 of the canonical content, independent of order, bom-refs and serial number.';
COMMENT ON COLUMN inventory.sboms.content IS 'The document as given, compressed with zlib.';
ALTER TABLE inventory.sboms ALTER COLUMN content SET STORAGE EXTERNAL;
ALTER TABLE inventory.images ADD FOREIGN KEY (tenant_id, sbom_id) REFERENCES inventory.sboms;

CREATE TABLE inventory.component_versions (
    tenant_id       text NOT NULL REFERENCES scheduler.tenants,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    purl            text NOT NULL CHECK (length(purl) <= 2000),
    type            text NOT NULL,
    package         text NOT NULL,
    name            text NOT NULL,
    version         text,
    source_version  text,
    distro          text,
    PRIMARY KEY (tenant_id, id),
    UNIQUE NULLS NOT DISTINCT (tenant_id, purl, package, version, source_version, distro)
);
COMMENT ON TABLE inventory.component_versions IS 'Distinct components of a tenant''s images. Per tenant: the names of private packages are a tenant''s own.';
COMMENT ON COLUMN inventory.component_versions.purl IS 'Canonical purl; components may share one, since it need not name the version or the source package.';
COMMENT ON COLUMN inventory.component_versions.type IS 'purl type.';
COMMENT ON COLUMN inventory.component_versions.package IS 'Canonical package name as advisories of the purl type name it; of a distribution the source package.';
COMMENT ON COLUMN inventory.component_versions.source_version IS 'Version of the source package where it differs; advisories are matched on it.';
COMMENT ON COLUMN inventory.component_versions.distro IS 'Distribution and release, such as debian:12; an advisory range for another one does not match.';
CREATE INDEX component_versions_of_package ON inventory.component_versions (tenant_id, type, package);

CREATE TABLE inventory.image_components (
    tenant_id     text NOT NULL,
    component_id  bigint NOT NULL,
    image_id      uuid NOT NULL,
    PRIMARY KEY (tenant_id, component_id, image_id),
    FOREIGN KEY (tenant_id, component_id) REFERENCES inventory.component_versions,
    FOREIGN KEY (tenant_id, image_id) REFERENCES inventory.images
);
COMMENT ON TABLE inventory.image_components IS 'Which image holds which component, by its current SBOM.';
CREATE INDEX image_components_of_image ON inventory.image_components (tenant_id, image_id);

CREATE TABLE inventory.graphs (
    tenant_id   text NOT NULL REFERENCES scheduler.tenants,
    digest      text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    root        text NOT NULL,
    node_count  integer NOT NULL CHECK (node_count > 0),
    edge_count  integer NOT NULL CHECK (edge_count >= 0),
    max_depth   integer NOT NULL CHECK (max_depth >= 0),
    content     bytea NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, digest)
);
COMMENT ON TABLE inventory.graphs IS 'Dependency graphs, each stored once per digest.';
COMMENT ON COLUMN inventory.graphs.content IS 'Canonical JSON of nodes and edges, compressed with zlib.';
ALTER TABLE inventory.graphs ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE TABLE inventory.feed_revisions (
    revision    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source      text NOT NULL,
    added       integer NOT NULL CHECK (added >= 0),
    changed     integer NOT NULL CHECK (changed >= 0),
    unchanged   integer NOT NULL CHECK (unchanged >= 0),
    created_at  timestamptz NOT NULL,
    created_by  text NOT NULL
);
COMMENT ON TABLE inventory.feed_revisions IS 'One row per import that changed advisories; visible with all its advisories or not at all.';

CREATE TABLE inventory.advisories (
    id         text PRIMARY KEY CHECK (id <> ''),
    revision   bigint NOT NULL REFERENCES inventory.feed_revisions,
    modified   timestamptz NOT NULL,
    published  timestamptz,
    withdrawn  timestamptz,
    summary    text NOT NULL DEFAULT '',
    aliases    text[] NOT NULL DEFAULT '{}',
    severity   text NOT NULL CHECK (severity IN ('none', 'low', 'medium', 'high', 'critical', 'unknown')),
    score      double precision NOT NULL DEFAULT 0 CHECK (score BETWEEN 0 AND 10),
    vector     text,
    digest     text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$')
);
COMMENT ON TABLE inventory.advisories IS 'Advisories of all feeds; global, read-only for tenants.';
COMMENT ON COLUMN inventory.advisories.revision IS 'Feed revision that last changed the advisory.';

CREATE TABLE inventory.advisory_ranges (
    advisory_id    text NOT NULL REFERENCES inventory.advisories,
    revision_from  bigint NOT NULL REFERENCES inventory.feed_revisions,
    ordinal        integer NOT NULL,
    revision_to    bigint REFERENCES inventory.feed_revisions,
    type           text NOT NULL,
    package        text NOT NULL,
    distro         text,
    kind           text NOT NULL CHECK (kind IN ('ECOSYSTEM', 'SEMVER')),
    events         jsonb NOT NULL CHECK (jsonb_typeof(events) = 'array'),
    versions       text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (advisory_id, revision_from, ordinal),
    CONSTRAINT ends_after_start CHECK (revision_to > revision_from)
);
COMMENT ON TABLE inventory.advisory_ranges IS 'Affected ranges with the feed revisions they held in; old ranges stay, so that what was withdrawn or narrowed is found too.';
COMMENT ON COLUMN inventory.advisory_ranges.revision_to IS 'Feed revision that replaced the range; NULL while it holds.';
CREATE INDEX advisory_ranges_current ON inventory.advisory_ranges (type, package) WHERE revision_to IS NULL;
CREATE INDEX advisory_ranges_began ON inventory.advisory_ranges (revision_from);
CREATE INDEX advisory_ranges_ended ON inventory.advisory_ranges (revision_to) WHERE revision_to IS NOT NULL;

CREATE TABLE inventory.policies (
    tenant_id   text NOT NULL REFERENCES scheduler.tenants,
    id          uuid NOT NULL,
    name        text NOT NULL CHECK (name <> ''),
    revision    integer NOT NULL CHECK (revision > 0),
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);
COMMENT ON TABLE inventory.policies IS 'Policies of a tenant; the document is in policy_revisions.';

CREATE TABLE inventory.policy_revisions (
    tenant_id   text NOT NULL,
    policy_id   uuid NOT NULL,
    revision    integer NOT NULL CHECK (revision > 0),
    document    text NOT NULL,
    digest      text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    created_at  timestamptz NOT NULL,
    created_by  text NOT NULL,
    PRIMARY KEY (tenant_id, policy_id, revision),
    FOREIGN KEY (tenant_id, policy_id) REFERENCES inventory.policies
);
COMMENT ON TABLE inventory.policy_revisions IS 'Every revision of a policy document, as written.';

CREATE TABLE inventory.findings (
    tenant_id        text NOT NULL,
    id               uuid NOT NULL,
    image_id         uuid NOT NULL,
    policy_id        uuid NOT NULL,
    component_id     bigint NOT NULL,
    advisory_id      text NOT NULL REFERENCES inventory.advisories,
    policy_revision  integer NOT NULL,
    match            text NOT NULL CHECK (match IN ('affected', 'unknown')),
    severity         text NOT NULL CHECK (severity IN ('none', 'low', 'medium', 'high', 'critical', 'unknown')),
    verdict          text NOT NULL CHECK (verdict IN ('block', 'warn', 'ignore')),
    rule             text,
    message          text,
    first_run_id     uuid NOT NULL,
    last_run_id      uuid NOT NULL,
    first_seen_at    timestamptz NOT NULL,
    last_seen_at     timestamptz NOT NULL,
    fixed_at         timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, image_id, policy_id, component_id, advisory_id),
    FOREIGN KEY (tenant_id, image_id) REFERENCES inventory.images,
    FOREIGN KEY (tenant_id, component_id) REFERENCES inventory.component_versions,
    FOREIGN KEY (tenant_id, policy_id, policy_revision) REFERENCES inventory.policy_revisions
);
COMMENT ON TABLE inventory.findings IS 'What a policy says of a component under an advisory in an image; fixed_at is set when it no longer holds.';
COMMENT ON COLUMN inventory.findings.match IS 'unknown: the version cannot be compared; never counted as safe.';
CREATE INDEX findings_open ON inventory.findings (tenant_id, verdict, severity) WHERE fixed_at IS NULL;

CREATE TABLE inventory.vex_statements (
    tenant_id      text NOT NULL REFERENCES scheduler.tenants,
    id             uuid NOT NULL,
    vulnerability  text NOT NULL CHECK (vulnerability <> ''),
    purl           text NOT NULL CHECK (purl <> ''),
    status         text NOT NULL CHECK (status IN ('not_affected', 'affected', 'fixed', 'under_investigation')),
    justification  text,
    stated_at      timestamptz NOT NULL,
    digest         text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, digest)
);
COMMENT ON TABLE inventory.vex_statements IS 'What a tenant states about a vulnerability in a product (VEX).';
CREATE INDEX vex_statements_of_vulnerability ON inventory.vex_statements (tenant_id, vulnerability, purl);

SELECT scheduler.isolate_tenant(name::regclass) FROM unnest(ARRAY[
    'inventory.images', 'inventory.sboms', 'inventory.component_versions', 'inventory.image_components',
    'inventory.graphs', 'inventory.policies', 'inventory.policy_revisions', 'inventory.findings',
    'inventory.vex_statements']) AS name;

GRANT SELECT, INSERT, UPDATE ON inventory.images, inventory.policies, inventory.findings TO scheduler_tenant, scheduler_system;
GRANT SELECT, INSERT ON inventory.sboms, inventory.component_versions, inventory.graphs, inventory.policy_revisions,
    inventory.vex_statements TO scheduler_tenant, scheduler_system;
GRANT SELECT, INSERT, DELETE ON inventory.image_components TO scheduler_tenant, scheduler_system;
GRANT SELECT ON inventory.feed_revisions, inventory.advisories, inventory.advisory_ranges TO scheduler_tenant;
GRANT SELECT, INSERT, UPDATE ON inventory.feed_revisions TO scheduler_system;
GRANT SELECT, INSERT, UPDATE ON inventory.advisories TO scheduler_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON inventory.advisory_ranges TO scheduler_system;
