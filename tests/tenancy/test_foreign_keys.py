"""No row of a tenant can refer to a row of another, whoever writes it: tried as superuser with every foreign key."""

from contextlib import suppress

import psycopg
import pytest
from psycopg import sql

from tests.tenancy.catalog import tables_of_tenants

KEYS = """
    SELECT o.conname, o.conrelid::regclass::text, o.confrelid::regclass::text,
        array_agg(h.attname::text ORDER BY k.n), array_agg(t.attname::text ORDER BY k.n)
    FROM pg_constraint AS o CROSS JOIN LATERAL unnest(o.conkey, o.confkey) WITH ORDINALITY AS k (here, there, n)
    JOIN pg_attribute AS h ON h.attrelid = o.conrelid AND h.attnum = k.here
    JOIN pg_attribute AS t ON t.attrelid = o.confrelid AND t.attnum = k.there
    WHERE o.contype = 'f' AND o.conrelid::regclass::text = ANY(%(tables)s)
        AND o.confrelid::regclass::text = ANY(%(tables)s) AND o.confrelid <> 'scheduler.tenants'::regclass
    GROUP BY o.oid
"""
POINTING_HERE = """
    SELECT conrelid::regclass::text, conname FROM pg_constraint
    WHERE contype = 'f' AND confrelid = %s::regclass AND conrelid <> confrelid AND conparentid = 0
"""
POINT_ELSEWHERE = sql.SQL("""
    UPDATE {child} SET ({mine}) = ROW({theirs})
    WHERE ctid = (SELECT max(ctid) FROM {child} WHERE tenant_id = {tenant} AND {first} IS NOT NULL)
""")


def name_of(table):
    return sql.Identifier(*table.split("."))


def point(admin, child, parent, columns, *, of, to):
    """Lets a tenant's row point to a tenant's row, in a transaction that is rolled back."""
    theirs = [
        sql.SQL("(SELECT {} FROM {} WHERE tenant_id = {} ORDER BY ctid LIMIT 1)").format(
            sql.Identifier(its), name_of(parent), sql.Literal(to)
        )
        for _, its in columns
    ]
    mine = [sql.Identifier(mine) for mine, _ in columns]
    parts = {"child": name_of(child), "mine": sql.SQL(", ").join(mine), "theirs": sql.SQL(", ").join(theirs)}
    with admin.transaction(force_rollback=True):
        # Other keys and the triggers that keep what has ended would refuse the row before this key is looked at.
        admin.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(name_of(child)))
        for table, key in admin.execute(POINTING_HERE, [child]).fetchall():
            admin.execute(
                sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(name_of(table), sql.Identifier(key))
            )
        admin.execute(POINT_ELSEWHERE.format(**parts, tenant=sql.Literal(of), first=mine[0]))


def test_no_foreign_key_leads_into_another_tenant(world):
    tables = tables_of_tenants(world.admin)
    keys = world.admin.execute(KEYS, {"tables": tables}).fetchall()
    assert len(keys) > 15
    for name, child, parent, here, there in keys:
        moved = [(mine, its) for mine, its in zip(here, there, strict=True) if mine != "tenant_id"]
        with pytest.raises(psycopg.errors.ForeignKeyViolation) as refused:
            point(world.admin, child, parent, moved, of="globex", to="acme")
        assert refused.value.diag.constraint_name == name
        with suppress(psycopg.errors.UniqueViolation):  # past the key, to a row that is there already
            point(world.admin, child, parent, moved, of="globex", to="globex")
