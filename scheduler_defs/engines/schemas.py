"""The CycloneDX JSON schemas, as bundled with cyclonedx-python-lib; nothing is fetched.

The only place that touches that library's private resource module.
"""

from functools import cache
from pathlib import Path
from typing import Any

import orjson
from cyclonedx.schema import SchemaVersion, _res
from jsonschema_rs import Draft7Validator, Registry

SUPPORTED = ("1.4", "1.5", "1.6")

_BASE_URI = "http://cyclonedx.org/schema/"
_SHARED = (_res.SPDX_JSON, _res.JSF)


@cache
def validator_of(version: str) -> Draft7Validator:
    """Return the compiled validator of one supported CycloneDX version.

    `format` is an annotation only (JSON Schema draft 7, section 7.2): generators write URLs loosely,
    and no reader here depends on them.
    """
    path = _res.BOM_JSON[SchemaVersion.from_version(version)]
    return Draft7Validator(_load(path), registry=_shared_schemas(), retriever=_refuse, validate_formats=False)


@cache
def _shared_schemas() -> Registry:
    return Registry([(f"{_BASE_URI}{Path(path).name}", _load(path)) for path in _SHARED])


def _load(path: str | None) -> dict[str, Any]:
    if path is None:
        raise LookupError("cyclonedx-python-lib bundles no JSON schema for this version")
    schema: dict[str, Any] = orjson.loads(Path(path).read_bytes())
    return schema


def _refuse(uri: str) -> Any:
    raise LookupError(f"schema {uri} is not bundled and is never fetched")
