"""Reader of KEV: CISA's catalog of known exploited vulnerabilities, as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from resources.errors import InvalidDocument
from scheduler_defs.engines.digests import digest_of
from scheduler_defs.engines.exploits import Listing, cve_of
from scheduler_defs.engines.json_nodes import Node
from scheduler_defs.engines.malformed import LeaveOut, Malformed
from scheduler_defs.engines.sbom_formats import parse_json
from scheduler_defs.engines.validation import shortened

KEV_LIMIT = 64 << 20
FORMAT = "CISA's catalog of known exploited vulnerabilities in JSON"

_RANSOMWARE = {"Known": True, "Unknown": False}


@dataclass(frozen=True, slots=True)
class KevDocument:
    """A catalog: CVE to (day it was added, whether ransomware is known to use it); there is at least one."""

    version: str
    dated_at: datetime
    listed: Mapping[str, Listing]

    @property
    def digest(self) -> str:
        """The SHA-256 of all that is used of it, whatever its order and layout."""
        listed = {cve: [added.isoformat(), ransomware] for cve, (added, ransomware) in self.listed.items()}
        return digest_of([self.version, self.dated_at.isoformat(), listed])


def load_kev(source: str, raw: bytes, leave_out: LeaveOut | None = None) -> KevDocument:
    """Read a catalog from its JSON text; raises what parse_json and read_kev raise."""
    return read_kev(source, parse_json(source, raw, FORMAT), leave_out)


def read_kev(source: str, document: Any, leave_out: LeaveOut | None = None) -> KevDocument:
    """Read a parsed catalog; `source` is only named in messages.

    Raises InvalidDocument with the JSON pointer of what is wrong. A vulnerability goes to `leave_out` instead, where
    there is one, and the rest is read; but a catalog without any that is usable is refused, and one that says it
    holds another number of them.
    """
    root = Node(source, document)
    version = root.need("catalogVersion", f"is missing; expected {FORMAT}").text()
    dated_at = root.need("dateReleased").time()
    vulnerabilities = root.need("vulnerabilities")
    entries = vulnerabilities.elements()
    listed: dict[str, Listing] = {}
    first: InvalidDocument | None = None
    for record, entry in enumerate(entries, start=1):
        try:
            _add(listed, entry)
        except InvalidDocument as error:
            if leave_out is None:
                raise
            first = first or InvalidDocument(source, error.path, error.reason)
            leave_out(record, Malformed(source, None, error.path, error.reason))
    if not listed:
        raise first or vulnerabilities.error("is empty; expected at least one vulnerability")
    count = root.get("count")
    if count is not None and count.value != len(entries):
        raise count.error(f"is {shortened(repr(count.value))}, but {len(entries)} vulnerabilities are listed")
    return KevDocument(version, dated_at, listed)


def _add(listed: dict[str, Listing], entry: Node) -> None:
    cve = _cve(entry.need("cveID"))
    if cve in listed:
        raise entry.error(f"lists {cve}, which an earlier entry does too")
    listed[cve] = entry.need("dateAdded").day(), _used_by_ransomware(entry)


def _cve(node: Node) -> str:
    cve = cve_of(node.text())
    if cve is None:
        raise node.error(f"is {shortened(repr(node.value))}; expected a CVE's id such as CVE-2021-44228")
    return cve


def _used_by_ransomware(entry: Node) -> bool:
    """Catalogs from before October 2023 do not say."""
    used = entry.get("knownRansomwareCampaignUse")
    return used is not None and _RANSOMWARE[used.one_of(_RANSOMWARE)]
