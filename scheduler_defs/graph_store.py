"""Reads graphs that graph runs have kept."""

import zlib

import orjson

from resources.errors import InvalidDocument
from resources.store import Store
from scheduler_defs.engines.digests import sha256_hex
from scheduler_defs.engines.graph import Graph, from_document


def read_graph(store: Store, tenant: str, digest: str) -> Graph:
    """The stored graph of a digest; raises NotFound, and InvalidDocument for one that is not what was kept."""
    try:
        content = zlib.decompress(store.images.get_graph(tenant, digest))
    except zlib.error as error:
        raise InvalidDocument(f"graph {digest}", "", f"cannot be unpacked: {error}") from error
    if sha256_hex(content) != digest:
        raise InvalidDocument(f"graph {digest}", "", "is not what was kept: its content has another digest")
    return from_document(orjson.loads(content))
