"""Which images a run works on, and for impact which advisories."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from resources.errors import InvalidInput
from resources.pages import check_text

DIGEST = re.compile(r"sha256:[0-9a-f]{64}|(?!sha256:)[a-z0-9]+:[0-9a-f]{32,128}")
_REGISTRY = re.compile(r"[^/]*[.:][^/]*/|localhost/")
"""As in the distribution project's reference grammar: the first segment holds a dot or a colon, or is localhost."""
_WELL_KNOWN = re.compile(r"cve-\d{4}-\d{4,}|ghsa(-[0-9a-z]{4}){3}", re.IGNORECASE)
_TAGGED, _DIGESTED = re.compile(r":[^/]*$"), re.compile(r"@[a-z0-9+._-]+:")
TEXT_FIELDS = ("namespace", "repository", "digest", "draft")
FLAGS = ("since_last", "impacted", "ingested")
INSTANTS = ("as_of", "ingested_since")


@dataclass(frozen=True)
class Selection:
    """A filter over a tenant's images; an empty one selects all.

    ``repository`` may hold the wildcards ``*`` and ``?`` and begin with the registry. ``labels`` must all be
    present on an image. ``advisories`` (ids, aliases, or ids of what is upstream) and ``since_revision`` (a feed
    revision) narrow an impact run; with neither it considers every advisory. In an impact run of a schedule
    ``since_last`` considers those that changed since the schedule's last completed run. In a policy run of a
    schedule ``impacted`` narrows to the images that the impact runs found whose completion its triggers wait for.
    ``draft`` is a policy document that a policy run in mode simulate evaluates in place of the policy of that name;
    ``as_of`` is the instant by which such a run, asked for by hand, decides which exceptions hold, in place of when
    it begins. ``ingested_since`` narrows a run by hand to images that got another SBOM or place (tag, namespace,
    labels) then or later; in a run of a schedule ``ingested`` does so since its last completed run was asked for.
    """

    namespace: str | None = None
    repository: str | None = None
    digest: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    advisories: tuple[str, ...] = ()
    since_revision: int | None = None
    since_last: bool = False
    impacted: bool = False
    draft: str | None = None
    as_of: datetime | None = None
    ingested: bool = False
    ingested_since: datetime | None = None

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> "Selection":
        """Reads the JSON form; raises InvalidInput naming the key."""
        known = {*TEXT_FIELDS, "labels", "advisories", "since_revision", *FLAGS, *INSTANTS}
        for key in value.keys() - known:
            raise InvalidInput(f"selection.{key}", value[key], f"one of the keys {', '.join(sorted(known))}")
        for key in TEXT_FIELDS:
            if value.get(key) is not None and not (isinstance(value[key], str) and value[key]):
                raise InvalidInput(f"selection.{key}", value[key], "a non-empty text")
        parsed = cls(
            namespace=value.get("namespace"),
            repository=value.get("repository"),
            digest=value.get("digest"),
            labels=_labels(value.get("labels") or {}),
            advisories=_advisories(value.get("advisories") or ()),
            since_revision=_revision(value.get("since_revision")),
            since_last=_flag("since_last", value),
            impacted=_flag("impacted", value),
            draft=value.get("draft"),
            as_of=_instant("as_of", value.get("as_of")),
            ingested=_flag("ingested", value),
            ingested_since=_instant("ingested_since", value.get("ingested_since")),
        )
        if parsed.since_last and parsed.since_revision is not None:
            raise InvalidInput("selection.since_revision", parsed.since_revision, "none beside since_last")
        if parsed.ingested and (parsed.since_last or parsed.impacted):
            expected = "none beside since_last or impacted; each is for a schedule of its own"
            raise InvalidInput("selection.ingested", "true", expected)
        for key, texts in parsed._texts().items():
            for text in texts:
                check_text(f"selection.{key}", text)
        return parsed

    def to_json(self) -> dict[str, Any]:
        """The JSON form, without what selects nothing."""
        return {
            key: value.isoformat() if isinstance(value, datetime) else value
            for key, value in asdict(self).items()
            if value is not False and value not in (None, {}, ())
        }

    def check_names(self) -> None:
        """Raises InvalidInput for a digest that no image can have, and a repository with a tag or digest."""
        named = self.repository or ""
        if _DIGESTED.search(named) or (_REGISTRY.match(named) and _TAGGED.search(named)):
            expected = "a repository, such as shop/*, without tag and digest"
            raise InvalidInput("selection.repository", named, expected)
        if self.digest is not None and not DIGEST.fullmatch(self.digest):
            raise InvalidInput(
                "selection.digest", self.digest, "an image's digest, such as sha256:<64 hex digits>"
            )

    def _texts(self) -> dict[str, list[str]]:
        texts = {key: [text] for key in TEXT_FIELDS if (text := getattr(self, key)) is not None}
        labels = [f"{key}={value}" for key, value in self.labels.items()]
        return texts | {"labels": labels, "advisories": [*self.advisories]}

    @property
    def repository_like(self) -> str | None:
        """``repository`` as a LIKE pattern."""
        if self.repository is None:
            return None
        escaped = "".join(f"\\{c}" if c in "\\%_" else c for c in self.repository)
        return escaped.replace("*", "%").replace("?", "_")

    @property
    def name_like(self) -> str | None:
        """The same where ``repository`` begins with what reads as a registry, to be compared with both."""
        return self.repository_like if _REGISTRY.match(self.repository or "") else None


EVERYTHING = Selection()


def _labels(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(
        isinstance(k, str) and isinstance(v, str) for k, v in value.items()
    ):
        raise InvalidInput("selection.labels", value, 'an object of texts, such as {"tier": "prod"}')
    return dict(value)


def _advisories(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(v, str) and v for v in value):
        raise InvalidInput("selection.advisories", value, "a list of advisory ids")
    return tuple(sorted(set(map(_as_issued, value))))


def _as_issued(name: str) -> str:
    """A CVE's or GHSA's id as its issuer writes it, whatever the case; others as they are."""
    if not _WELL_KNOWN.fullmatch(name):
        return name
    issuer, _, rest = name.partition("-")
    return f"{issuer.upper()}-{rest.lower()}"


def _revision(value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise InvalidInput("selection.since_revision", value, "a feed revision (0 or more)")
    return value


def _instant(key: str, value: Any) -> datetime | None:
    """In UTC."""
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    expected = "an instant with its offset, such as 2024-05-01T00:00Z"
    raise InvalidInput(f"selection.{key}", value, expected)


def _flag(key: str, value: Mapping[str, Any]) -> bool:
    found = value.get(key) or False
    if not isinstance(found, bool):
        raise InvalidInput(f"selection.{key}", found, "true or false")
    return found
