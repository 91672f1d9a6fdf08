"""What images hold, for the plans: 200,000 rows of image_components, numbered as the other tables are."""

from psycopg import Connection

PACKAGES = 3_334
"""Of big; each has six versions and an advisory, also on a package of rpm. A revision has ten advisories."""
ADVISORIES = 40_000
INVENTORY = {
    "images": """
SELECT tenant_id, id, 'r' AS registry, 'repo/' || n AS repository, '1' AS tag, 'team-' || n % 50 AS namespace,
    '{}'::jsonb AS labels, id AS sbom_id, at AS created_at, at AS updated_at, at AS changed_at
FROM many WHERE n % 4 = 0""",
    "sboms": """
SELECT tenant_id, id, id AS image_id, repeat('0', 64) AS digest, '1.6' AS spec_version, 4 AS component_count,
    0 AS dependency_count, ''::bytea AS content, at AS ingested_at, 'sql' AS ingested_by
FROM many WHERE n % 4 = 0""",
    "component_versions": """
SELECT tenant_id, n AS id, 'pkg:npm/p' || n / 48 || '@' || n % 48 AS purl, 'npm' AS type, 'p' || n / 48 AS package,
    'p' || n / 48 AS name, n % 48 || '.0' AS version
FROM many WHERE n % 8 = 0
UNION ALL
SELECT tenant_id, n, 'pkg:rpm/redhat/b' || n / 48 || '@1', 'rpm', 's' || n / 480, 'b' || n / 48, '1'
FROM many WHERE n % 48 = 4""",
    "image_components": """
SELECT tenant_id, base + (place * 7919 % ((place + age) / 8) + 1) * 8 AS component_id,
    pg_temp.key((n + 3) / 4 * 4) AS image_id
FROM many""",
    "feed_revisions": f"""
SELECT n AS revision, 'feed' AS source, 10 AS added, 0 AS changed, 0 AS unchanged, at AS created_at,
    'sql' AS created_by
FROM many WHERE n <= {ADVISORIES} / 10 + 1""",
    "advisories": f"""
SELECT 'A-' || n AS id, n / 10 + 1 AS revision, at AS modified, '' AS summary, 'high' AS severity, 7.5 AS score,
    repeat('0', 64) AS digest, ARRAY['CVE-' || n] AS aliases
FROM many WHERE n <= {ADVISORIES}""",
    "advisory_ranges": f"""
SELECT 'A-' || n AS advisory_id, n / 10 + 1 AS revision_from, 0 AS ordinal, 'npm' AS type, 'p' || n AS package,
    'SEMVER' AS kind, '[]'::jsonb AS events
FROM many WHERE n <= {ADVISORIES}
UNION ALL
SELECT 'A-' || n, n / 10 + 1, 1, 'rpm', 'b' || n, 'ECOSYSTEM', '[]' FROM many WHERE n <= {ADVISORIES}""",
}


def plant_inventory(admin: Connection) -> None:
    """Loads the tables of schema inventory, in the session that planted the others."""
    for table, rows in INVENTORY.items():
        names = admin.execute(f"SELECT * FROM ({rows}) AS planted LIMIT 0").description or ()
        columns = ", ".join(column.name for column in names)
        admin.execute(f"INSERT INTO inventory.{table} ({columns}) OVERRIDING SYSTEM VALUE {rows}")
