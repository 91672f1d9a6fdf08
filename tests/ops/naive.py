"""A naive evaluator: every component beside every advisory, each time; it shares nothing with the product."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from packaging.version import InvalidVersion, Version

Key = tuple[str, str, str]
"""An image's repository, a package such as pypi/flask, an advisory's id."""


def debian_order(version: str) -> Any:
    """A key that sorts as `dpkg --compare-versions`; raises ValueError for what is no version."""
    found = re.fullmatch(r"(?:(\d+):)?(\d[A-Za-z0-9.+~]*?)(?:-([A-Za-z0-9.+~]+))?", version)
    if not found:
        raise ValueError(version)
    return int(found[1] or 0), _parts(found[2]), _parts(found[3] or "")


def _parts(text: str) -> Any:
    pairs = [((*map(_weight, letters), 0), int(digits or 0)) for letters, digits in _pairs(text)]
    return [*pairs, ((0,), 0)]


def _pairs(text: str) -> list[tuple[str, str]]:
    return [pair for pair in re.findall(r"(\D*)(\d*)", text) if pair != ("", "")]


def _weight(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) + (0 if character.isalpha() else 256)


def rpm_order(version: str) -> Any:
    """A key that sorts as `rpm --eval '%{lua: rpm.vercmp}'`; raises ValueError for what is no version."""
    found = re.fullmatch(r"(?:(\d+):)?([\w.+~^]+)-([\w.+~^]+)", version)
    if not found:
        raise ValueError(version)
    return int(found[1] or 0), *(_segments(part) for part in found.groups()[1:])


def _segments(text: str) -> Any:
    """`~` sorts before the end, then come the end, `^`, letters and numbers."""
    found = re.findall(r"(~)|(\^)|([A-Za-z]+)|(\d+)", text)
    return [
        (-1,) if tilde else (1,) if caret else (2, letters) if letters else (3, int(digits))
        for tilde, caret, letters, digits in found
    ] + [(0,)]


ORDERS: Mapping[str, Callable[[str], Any]] = {"pypi": Version, "deb": debian_order, "rpm": rpm_order}


@dataclass
class Told:
    """An advisory about one package: (kind, version) events, versions listed one by one."""

    package: str
    ranges: Sequence[Sequence[tuple[str, str]]]
    severity: str
    aliases: Sequence[str] = ()
    versions: Sequence[str] = ()
    withdrawn: bool = False
    upstream: Sequence[str] = ()

    @property
    def cves(self) -> list[str]:
        """All that it is about."""
        return [*self.aliases, *self.upstream]

    @property
    def names(self) -> list[str]:
        """What it is called by whoever speaks of all that it is about."""
        numbers = {one.split("CVE-")[-1] for one in self.upstream}
        return self.cves if len(numbers) < 2 else [*self.aliases]


@dataclass
class Stated:
    """A VEX statement; ``version`` and ``image`` None mean every one."""

    about: str
    package: str
    version: str | None
    image: str | None
    status: str
    at: int


@dataclass
class Model:
    """All there is, in plain Python."""

    images: dict[str, dict[str, str]] = field(default_factory=dict)
    sources: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    """By an image and a package of it, what that was built from, and that one's version: what is said names either."""
    advisories: dict[str, list[Told]] = field(default_factory=dict)
    vex: list[Stated] = field(default_factory=list)
    severe: str = "block"
    asked: Sequence[str] = ()
    scores: dict[str, float] = field(default_factory=dict)
    ransomware: dict[str, bool] = field(default_factory=dict)
    """Of the CVEs that are listed as exploited."""

    def matches(self) -> dict[Key, str]:
        """Whether each component is affected by an advisory, or may be; withdrawn ones count."""
        found = {}
        for image, packages in self.images.items():
            for package, version in packages.items():
                named = {(package, version), self.sources.get((image, package), (package, version))}
                for name, told in self.advisories.items():
                    said = {match(one, at) for one in told for called, at in named if one.package == called}
                    if said - {None}:
                        found[image, package, name] = "affected" if "affected" in said else "unknown"
        return found

    def impact(self) -> dict[str, dict[str, set[tuple[str, str]]]]:
        """What an impact run finds: the images that are and may be affected, with packages and advisories."""
        found: dict[str, dict[str, set[tuple[str, str]]]] = {}
        for (image, package, name), match in self.matches().items():
            if not self.advisories[name][0].withdrawn:
                found.setdefault(image, {"affected": set(), "unknown": set()})[match].add((package, name))
        return found

    def verdicts(self) -> dict[Key, str]:
        """What a policy run finds."""
        return {key: self._verdict(*key, match) for key, match in self.matches().items()}

    def _verdict(self, image: str, package: str, name: str, match: str) -> str:
        told = self.advisories[name][0]
        if told.withdrawn or self._status(image, package, [name, *told.names]) in ("not_affected", "fixed"):
            return "ignore"
        if match == "unknown":
            return "warn"
        if "kev" in self.asked and any(cve in self.ransomware for cve in told.cves):
            return "block" if any(self.ransomware.get(cve) for cve in told.cves) else "warn"
        if "epss" in self.asked and max([self.scores.get(cve, 0) for cve in told.cves], default=0) > 0.5:
            return "block"
        return self.severe if told.severity in ("critical", "high") else "ignore"

    def _status(self, image: str, package: str, ids: Sequence[str]) -> str | None:
        own = package, self.images[image][package]
        named = {own, self.sources.get((image, package), own)}
        fitting = [
            one
            for one in self.vex
            if one.about in ids
            and any(one.package == called and one.version in (None, at) for called, at in named)
            and one.image in (None, image)
        ]
        return max(fitting, key=lambda one: (one.at, one.image is not None)).status if fitting else None


def match(told: Told, version: str) -> str | None:
    """affected, unknown or None; in a range the last event at or before a version decides."""
    order = ORDERS[told.package.partition("/")[0]]
    if version in told.versions:
        return "affected"
    try:
        at = order(version)
        listed = at in map(order, told.versions)
    except (InvalidVersion, ValueError):
        return "unknown"
    return "affected" if listed or any(_inside(one, at, order) for one in told.ranges) else None


def _inside(events: Sequence[tuple[str, str]], at: Any, order: Callable[[str], Any]) -> bool:
    kinds = [("introduced", "0")] if ("introduced", "0") in events else []
    kinds += sorted((one for one in events if one[1] != "0"), key=lambda one: order(one[1]))
    reached = [one for one in kinds if one[1] == "0" or order(one[1]) <= at]
    return bool(reached) and (
        reached[-1][0] == "introduced" or (reached[-1][0] == "last_affected" and order(reached[-1][1]) == at)
    )
