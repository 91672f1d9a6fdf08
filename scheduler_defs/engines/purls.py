"""Package URLs, and the one package name by which components and advisories are joined."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote

from packageurl import PackageURL

from resources.errors import InvalidInput
from scheduler_defs.engines.distros import distro_of, osv_format

_PYPI_SEPARATORS = re.compile(r"[-_.]+")
# Already canonical, whatever the type: nothing to decode, to fold or to sort but what _plain looks at itself.
_PLAIN = re.compile(
    r"pkg:(npm|pypi|golang|deb|apk|rpm|cargo|gem|maven|nuget)/"
    r"(?:((?:%40)?[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*)/)?([A-Za-z0-9._~-]+)(?:@([A-Za-z0-9._~-]+))?"
    r"(?:\?([a-z][a-z0-9._-]*=[A-Za-z0-9._~/-]+(?:&[a-z][a-z0-9._-]*=[A-Za-z0-9._~/-]+)*))?"
)
_FOLDED = frozenset({"npm", "pypi", "apk"})
_OUTER_SLASHES = re.compile(r"^[\s/]+|[\s/]+$")

# Operating system packages: the namespace names the vendor or distribution, not a part of the package's name.
DISTRIBUTION_TYPES = frozenset({"deb", "apk", "rpm", "alpm"})

# Types whose registry does not tell upper from lower case, or whose tools disagree about it.
_CASE_INSENSITIVE = frozenset({"npm", "golang", "composer", "nuget", "hex", "pub", "apk", "alpm"})

_OSV_ECOSYSTEMS = {
    "PyPI": "pypi",
    "npm": "npm",
    "Go": "golang",
    "crates.io": "cargo",
    "Maven": "maven",
    "RubyGems": "gem",
    "Packagist": "composer",
    "NuGet": "nuget",
    "Hex": "hex",
    "Pub": "pub",
}


@dataclass(frozen=True, slots=True)
class Purl:
    """A package URL in canonical form; `text` is the whole of it, with any subpath."""

    type: str
    namespace: str | None
    name: str
    version: str | None
    qualifiers: Mapping[str, str] = field(hash=False)
    text: str

    @property
    def package(self) -> str:
        """The package_key of this package URL."""
        return package_key(self.type, self.namespace, self.name)


@lru_cache(maxsize=65536)
def parse_purl(text: str) -> Purl:
    """Parse a package URL (ECMA-427) into its canonical form; PyPI names also follow PEP 503.

    Parsing the canonical text again gives the same value. Raises InvalidInput.
    """
    return _plain(text) or _parse(text)


def _plain(text: str) -> Purl | None:
    """Return what _parse gives of a text that is canonical at first sight, in a tenth of its time; else None."""
    found = _PLAIN.fullmatch(text)
    if found is None:
        return None
    kind, namespace, name, version, pairs = found.groups()
    if namespace and namespace.startswith("%40"):
        if kind != "npm" or "/" in namespace:
            return None
        namespace = f"@{namespace[3:]}"
    if kind in _FOLDED and (name != name.lower() or (namespace and namespace != namespace.lower())):
        return None
    if kind == "pypi" and name != _pypi_name(name):
        return None
    listed = [pair.partition("=")[::2] for pair in pairs.split("&")] if pairs else []
    qualifiers = dict(listed)
    if list(qualifiers) != sorted(qualifiers) or len(qualifiers) < len(listed):
        return None
    return Purl(kind, namespace, name, version, qualifiers, text)


def _parse(text: str) -> Purl:
    try:
        parsed = PackageURL.from_string(text)
    except ValueError as error:
        raise InvalidInput("purl", text, f"a package URL like pkg:pypi/requests@2.32.0 ({error})") from error
    if not parsed.name:
        raise InvalidInput("purl", text, "a package URL with a name, like pkg:pypi/requests@2.32.0")
    if "%00" in text or "\0" in text:
        raise InvalidInput("purl", text, "a package URL without NUL, like pkg:pypi/requests@2.32.0")
    name = _pypi_name(parsed.name) if parsed.type == "pypi" else parsed.name
    return Purl(
        type=parsed.type,
        namespace=parsed.namespace,
        name=name,
        version=parsed.version,
        qualifiers=parsed.qualifiers,
        text=_text(
            parsed.type,
            parsed.namespace,
            name,
            parsed.version,
            qualifiers=parsed.qualifiers,
            subpath=parsed.subpath,
        ),
    )


def generic_purl(namespace: str | None, name: str, version: str | None) -> str:
    """Return the canonical pkg:generic text that stands for something without a package URL of its own."""
    return _text(
        "generic",
        "/".join(filter(None, (part.strip() for part in (namespace or "").split("/")))) or None,
        _OUTER_SLASHES.sub("", name) or "unnamed",
        (version or "").strip() or None,
        qualifiers={},
        subpath=None,
    )


def package_key(purl_type: str, namespace: str | None, name: str) -> str:
    """Return the canonical package name within one purl type.

    pypi: PEP 503 name; npm: '@scope/name' or name; maven: 'group:artifact'; golang and composer:
    'namespace/name'; deb, apk, rpm: the name alone (the distribution is kept apart, see purl_distro).
    """
    if purl_type == "pypi":
        return _pypi_name(name)
    if purl_type == "maven" and namespace:
        return f"{namespace}:{name}"
    key = f"{namespace}/{name}" if namespace and purl_type not in DISTRIBUTION_TYPES else name
    return key.lower() if purl_type in _CASE_INSENSITIVE else key


def osv_package_key(ecosystem: str, name: str) -> tuple[str, str] | None:
    """Return (purl type, package key) of a package of an OSV record, None for an unsupported ecosystem.

    The ecosystem may carry a release after a colon, as in 'Debian:12' (OSV schema 1.7, affected[].package).
    """
    purl_type = osv_format(ecosystem) or _OSV_ECOSYSTEMS.get(ecosystem.partition(":")[0])
    if purl_type is None or not name:
        return None
    return purl_type, package_key(purl_type, None, name)


def purl_distro(purl: Purl) -> str | None:
    """Return the distribution a package belongs to, as 'debian:12', or 'debian' where no release is named.

    None for packages of a language's own registry, and of a distribution that is not named.
    """
    if purl.type not in DISTRIBUTION_TYPES:
        return None
    return distro_of(purl.namespace, purl.qualifiers.get("distro", ""))


def _pypi_name(name: str) -> str:
    return _PYPI_SEPARATORS.sub("-", name).lower()


def _text(
    purl_type: str,
    namespace: str | None,
    name: str,
    version: str | None,
    *,
    qualifiers: Mapping[str, str],
    subpath: str | None,
) -> str:
    parts = ["pkg:", purl_type, "/"]
    if namespace:
        parts += (quote(namespace, safe="/:"), "/")
    parts.append(quote(name, safe=":"))
    if version:
        parts += ("@", quote(version, safe=":"))
    if qualifiers:
        pairs = (f"{key}={quote(value, safe='/:')}" for key, value in sorted(qualifiers.items()))
        parts += ("?", "&".join(pairs))
    if subpath:
        parts += ("#", quote(subpath, safe="/:"))
    return "".join(parts)


def versioned_purl(purl: str, version: str | None) -> str:
    """A component's canonical purl, with the version in it where the purl itself names none."""
    if version is None or parse_purl(purl).version:
        return purl
    return re.sub(r"(?=[?#]|$)", lambda _: f"@{quote(version, safe=':')}", purl, count=1)
