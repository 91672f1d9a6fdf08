"""Which images a selection leaves, as parameters of the queries that ask for it."""

from typing import Any

from psycopg.types.json import Jsonb

from resources.selection import Selection


def filters_of(selection: Selection) -> dict[str, Any]:
    """The parameters by which images are filtered."""
    return {
        "namespace": selection.namespace,
        "repository_like": selection.repository_like,
        "name_like": selection.name_like,
        "digest": selection.digest,
        "labels": Jsonb(dict(selection.labels)),
        "ingested_since": selection.ingested_since,
    }
