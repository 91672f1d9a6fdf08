"""Reader of OSV advisories (OSV schema 1.x): one file, a stream of JSON lines, or a directory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson

from resources.errors import DamagedFile, InvalidDocument, InvalidInput
from scheduler_defs.engines.digests import digest_of
from scheduler_defs.engines.distros import distro_of, osv_distro
from scheduler_defs.engines.documents import iter_documents
from scheduler_defs.engines.malformed import Malformed
from scheduler_defs.engines.purls import (
    DISTRIBUTION_TYPES,
    Purl,
    osv_package_key,
    parse_purl,
    purl_distro,
)
from scheduler_defs.engines.severity import Severity, rate
from scheduler_defs.engines.versions import EVENT_KINDS, AffectedRange, Event, RangeKind

PACKAGE_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class Advisory:
    """One advisory as it is evaluated; `ranges` hold only packages of supported ecosystems.

    `upstream` has the ids of the vulnerabilities that it is about, where `aliases` has other ids of itself.
    `left_out` has the ecosystem of each package that is of another, without its release; 'GIT' stands for what
    is known by commits only. `digest` covers every field but this one and `modified`, and no order in which the
    record happened to list things.
    """

    id: str
    modified: datetime
    published: datetime | None
    withdrawn: datetime | None
    summary: str
    aliases: tuple[str, ...]
    upstream: tuple[str, ...]
    severity: Severity
    score: float
    vector: str | None
    ranges: tuple[AffectedRange, ...]
    digest: str
    left_out: tuple[str, ...] = ()


def iter_advisories(
    path: Path, on_bytes: Callable[[int], None] | None = None
) -> Iterator[Advisory | Malformed]:
    """Yield each record of a .json or .jsonl file (plain or gzip) or of a directory, one in memory at a time.

    A record that cannot be used becomes a Malformed and the stream goes on. on_bytes gets the bytes just read
    from disk. Raises InvalidInput for a path that cannot be opened, DamagedFile for a damaged stream.
    """
    for document in iter_documents(path, on_bytes):
        yield read_record(*document)


def read_record(
    source: str, line: int | None, content: bytes | InvalidDocument, latest: datetime | None = None
) -> Advisory | Malformed:
    """Read one OSV record as iter_documents yields it; a record that cannot be used becomes a Malformed.

    So does one that says that it was modified after `latest`. Raises DamagedFile where the rest of a file is lost.
    """
    if isinstance(content, DamagedFile):
        raise content
    try:
        if isinstance(content, InvalidDocument):
            raise content
        advisory = read_advisory(source, content)
        if latest is not None and advisory.modified > latest:
            reason = f"{advisory.modified.isoformat()} is in the future; expected {latest.isoformat()} at the latest"
            raise InvalidDocument(source, "/modified", reason)
        return advisory
    except InvalidDocument as error:
        return Malformed(source, line, error.path, error.reason)


def read_advisory(source: str, raw: bytes) -> Advisory:
    """Read one OSV record; raises InvalidDocument with the JSON pointer of what is wrong."""
    record = _load(source, raw)
    severity, score, vector = rate(_vectors(record), _labels(record))
    fields: dict[str, Any] = {
        "id": record["id"],
        "published": _optional_time(source, "published", record.get("published")),
        "withdrawn": _optional_time(source, "withdrawn", record.get("withdrawn")),
        "summary": record.get("summary") or "",
        "aliases": tuple(sorted(set(record.get("aliases") or ()))),
        "upstream": tuple(sorted(set(record.get("upstream") or ()))),
        "severity": severity,
        "score": score,
        "vector": vector,
        "ranges": _ranges(record),
    }
    _check_packages(source, fields["ranges"])
    modified = _time(source, "modified", record["modified"])
    return Advisory(
        modified=modified, digest=digest_of(_canonical(fields)), left_out=_left_out(record), **fields
    )


def _load(source: str, raw: bytes) -> dict[str, Any]:
    try:
        record = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidDocument(source, "", f"is not JSON: {error}") from error
    found = next(_validator().iter_errors(record), None)
    if found is not None:
        pointer = "".join(f"/{part}" for part in found.instance_path)
        raise InvalidDocument(source, pointer, found.message)
    return dict(record)


def _check_packages(source: str, ranges: tuple[AffectedRange, ...]) -> None:
    """Raise InvalidDocument for a package with a longer name than the index of ranges takes."""
    for one in ranges:
        if len(one.package.encode()) > PACKAGE_LIMIT:
            reason = f"holds the package {one.package[:80]!r}…; expected at most {PACKAGE_LIMIT} bytes"
            raise InvalidDocument(source, "/affected", reason)


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    schema = orjson.loads(files(__package__).joinpath("osv.schema.json").read_bytes())
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def _optional_time(source: str, field: str, text: str | None) -> datetime | None:
    return None if text is None else _time(source, field, text)


def _time(source: str, field: str, text: str) -> datetime:
    # RFC 3339 allows what datetime has no value for: a leap second, and an offset beyond year 1 or 9999.
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidDocument(source, f"/{field}", f"{text!r} is not a time of RFC 3339: {error}") from error


def _vectors(record: dict[str, Any]) -> list[str]:
    return [one["score"] for holder in _holders(record) for one in holder.get("severity") or ()]


def _labels(record: dict[str, Any]) -> list[str]:
    """Return the databases' own words, as in GHSA's database_specific.severity, and scores that are words."""
    stated = [(holder.get("database_specific") or {}).get("severity") for holder in _holders(record)]
    return [label for label in stated if isinstance(label, str)] + _vectors(record)


def _holders(record: dict[str, Any]) -> list[dict[str, Any]]:
    return [record, *(record.get("affected") or ())]


def _ranges(record: dict[str, Any]) -> tuple[AffectedRange, ...]:
    found = {one for affected in record.get("affected") or () for one in _ranges_of(affected)}
    return tuple(sorted(found, key=_sort_key))


def _left_out(record: dict[str, Any]) -> tuple[str, ...]:
    packages = [affected.get("package") or {} for affected in record.get("affected") or ()]
    unread = (one.get("ecosystem") or "GIT" for one in packages if _package_key(one) is None)
    return tuple(sorted(ecosystem.partition(":")[0] for ecosystem in unread))


def _ranges_of(affected: dict[str, Any]) -> Iterator[AffectedRange]:
    """Yield a package's ranges; the listed versions go with the first, so that each is kept once.

    Ranges of commits (GIT) are left out. A package with nothing else keeps one empty range, which matches
    as unknown.
    """
    package = affected.get("package") or {}
    key = _package_key(package)
    if key is None:
        return
    versions = tuple(sorted(set(affected.get("versions") or ())))
    kinds: set[tuple[RangeKind, tuple[Event, ...]]] = {
        (one["type"], _events(one["events"])) for one in affected.get("ranges") or () if one["type"] != "GIT"
    }
    distro = _distro(package, key[0])
    for kind, events in sorted(kinds) or [("ECOSYSTEM", ())]:
        yield AffectedRange(*key, kind, events, versions, distro)
        versions = ()


def _package_key(package: dict[str, Any]) -> tuple[str, str] | None:
    if not package:
        return None
    key = osv_package_key(package["ecosystem"], package["name"])
    if key is None and (purl := _purl(package)):
        return purl.type, purl.package
    return key


def _distro(package: dict[str, Any], purl_type: str) -> str | None:
    """Return the distribution that the ecosystem names, else the one of the package URL."""
    ecosystem: str = package["ecosystem"]
    found = osv_distro(ecosystem)
    if found is not None or purl_type not in DISTRIBUTION_TYPES:
        return found
    name, _, release = ecosystem.partition(":")
    named, purl = distro_of(name, release), _purl(package)
    stated = purl_distro(purl) if purl else None
    return stated if stated and not (named or "").startswith(f"{stated}:") else named


def _purl(package: dict[str, Any]) -> Purl | None:
    try:
        return parse_purl(package["purl"]) if package.get("purl") else None
    except InvalidInput:
        return None


def _events(events: list[dict[str, str]]) -> tuple[Event, ...]:
    # Before OSV 1.4 one event could hold two kinds.
    return tuple(sorted({(kind, event[kind]) for event in events for kind in EVENT_KINDS if kind in event}))


def _sort_key(one: AffectedRange) -> tuple[Any, ...]:
    return one.purl_type, one.package, one.distro or "", one.kind, one.events, one.versions


def _canonical(fields: dict[str, Any]) -> dict[str, Any]:
    """A record without upstream has the digest that it had before that was read."""
    fields = {name: value for name, value in fields.items() if name != "upstream" or value}
    times = {name: value.isoformat() for name, value in fields.items() if isinstance(value, datetime)}
    ranges = [
        [one.purl_type, one.package, one.distro, one.kind, one.events, one.versions]
        for one in fields["ranges"]
    ]
    return fields | times | {"ranges": ranges}
