"""Reader of KEV: CISA's catalog of known exploited vulnerabilities, as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from scheduler_defs.engines.counted import OnBytes
from scheduler_defs.engines.digests import digest_of
from scheduler_defs.engines.documents import read_document
from scheduler_defs.engines.exploits import Listing, cve_of
from scheduler_defs.engines.json_nodes import Node
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


def load_kev(path: str | Path, on_bytes: OnBytes | None = None) -> KevDocument:
    """Read a file, plain or gzip; raises what read_document, parse_json and read_kev raise."""
    raw = read_document(path, on_bytes, KEV_LIMIT)
    return read_kev(str(path), parse_json(str(path), raw, FORMAT))


def read_kev(source: str, document: Any) -> KevDocument:
    """Read a parsed catalog; `source` is only named in messages.

    Raises InvalidDocument with the JSON pointer of what is wrong; nothing is left out, since what a catalog does
    not name is not listed.
    """
    root = Node(source, document)
    version = root.need("catalogVersion", f"is missing; expected {FORMAT}").text()
    dated_at = root.need("dateReleased").time()
    vulnerabilities = root.need("vulnerabilities")
    listed: dict[str, Listing] = {}
    for entry in vulnerabilities.elements():
        cve = _cve(entry.need("cveID"))
        if cve in listed:
            raise entry.error(f"lists {cve}, which an earlier entry does too")
        listed[cve] = entry.need("dateAdded").day(), _used_by_ransomware(entry)
    if not listed:
        raise vulnerabilities.error("is empty; expected at least one vulnerability")
    count = root.get("count")
    if count is not None and count.value != len(listed):
        raise count.error(f"is {shortened(repr(count.value))}, but {len(listed)} vulnerabilities are listed")
    return KevDocument(version, dated_at, listed)


def _cve(node: Node) -> str:
    cve = cve_of(node.text())
    if cve is None:
        raise node.error(f"is {shortened(repr(node.value))}; expected a CVE's id such as CVE-2021-44228")
    return cve


def _used_by_ransomware(entry: Node) -> bool:
    """Catalogs from before October 2023 do not say."""
    used = entry.get("knownRansomwareCampaignUse")
    return used is not None and _RANSOMWARE[used.one_of(_RANSOMWARE)]
