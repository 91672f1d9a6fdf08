"""Policies: exceptions and ordered rules in CEL over one fact, compiled once; the first one that holds decides."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

import cel
import yaml

from scheduler_defs.engines.asked import asked_of
from scheduler_defs.engines.condition_errors import ConditionError
from scheduler_defs.engines.conditions import (
    AdvisoryFact,
    ComponentFact,
    Fact,
    ImageFact,
    VexFact,
    compile_condition,
)
from scheduler_defs.engines.digests import digest_of
from scheduler_defs.engines.yaml_nodes import Nodes

__all__ = [
    "ENGINE_VERSION",
    "AdvisoryFact",
    "ComponentFact",
    "Decision",
    "Exemption",
    "Fact",
    "ImageFact",
    "Policy",
    "Rule",
]
__all__ += ["Verdict", "VexFact", "compile_policy", "input_digest", "load_default_policy"]

# Part of every input digest: raise it when the same input may give another result.
ENGINE_VERSION = "3"

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_END = (
    "expected the last day on which the exception holds (2027-01-31, by UTC), "
    "or the instant with its offset (2027-01-31T18:00:00+01:00)"
)


class Verdict(StrEnum):
    """What a rule says about a finding."""

    BLOCK = "block"
    WARN = "warn"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: a condition in CEL and the verdict when it is true."""

    name: str
    when: str
    verdict: Verdict
    message: str | None
    program: cel.Program = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Exemption:
    """An exception from all rules: what its condition in CEL holds for is ignored, before the instant `until`."""

    name: str
    when: str
    until: datetime
    reason: str
    program: cel.Program = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and the rule or exception that gave it; `rule` is None when the policy's default did.

    `failures` say which conditions could not be evaluated on the way, and why.
    """

    verdict: Verdict
    rule: str | None
    message: str | None
    failures: tuple[str, ...] = ()


WITHDRAWN = Decision(Verdict.IGNORE, "withdrawn", "The advisory was withdrawn.")
"""Of every finding of a withdrawn advisory, whatever a policy says."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A compiled policy; `digest` covers its exceptions, its rules in order and its default, not the YAML's layout."""

    name: str
    description: str
    rules: tuple[Rule, ...]
    default: Verdict
    digest: str
    exceptions: tuple[Exemption, ...] = ()

    def at(self, as_of: datetime) -> "Policy":
        """Return the policy without the exceptions that have ended by `as_of`; its digest says what is left."""
        left = tuple(one for one in self.exceptions if as_of < one.until)
        if left == self.exceptions:
            return self
        return replace(
            self,
            exceptions=left,
            digest=_digest(self.name, self.description, self.rules, self.default, left),
        )

    @property
    def asks(self) -> frozenset[str]:
        """What decides of a fact: what its conditions ask, see `asked_of`, and whether the advisory is withdrawn."""
        exempting = [(one.when, one.program) for one in self.exceptions]
        asked = asked_of(exempting + [(one.when, one.program) for one in self.rules])
        return asked if "advisory" in asked else asked | {"advisory.withdrawn"}

    @property
    def asks_of_images(self) -> bool:
        """Whether a condition names the variable `image`; else equal findings of all images are decided alike."""
        return self.asks_of("image")

    def asks_of(self, variable: str) -> bool:
        """Whether a condition names a variable."""
        programs = [one.program for one in self.exceptions] + [one.program for one in self.rules]
        return any(variable in program.variables() for program in programs)

    def decide(self, fact: Fact) -> Decision:
        """Return what the first exception gives whose condition is true, else the first such rule.

        A finding of a withdrawn advisory is ignored before any is asked.
        Exceptions hold whatever the time; see `at`. Fails closed: an exception that cannot be evaluated on this
        fact does not hold; a rule that cannot, or gives no boolean, blocks, and the message names it and the error.
        """
        if fact.advisory.withdrawn:
            return WITHDRAWN
        context = cel.Context(fact.context())
        failures: tuple[str, ...] = ()
        for exception in self.exceptions:
            outcome, failure = _outcome(exception.program, context)
            if outcome:
                reason = f"{exception.reason} (excepted until {exception.until.isoformat()})"
                return Decision(Verdict.IGNORE, exception.name, reason, failures)
            if failure:
                failures += (f"exception {exception.name!r} could not be evaluated: {failure}",)
        for rule in self.rules:
            outcome, failure = _outcome(rule.program, context)
            if failure:
                message = f"rule {rule.name!r} could not be evaluated: {failure}"
                return Decision(Verdict.BLOCK, rule.name, message, (*failures, message))
            if outcome:
                return Decision(rule.verdict, rule.name, rule.message, failures)
        return Decision(self.default, None, None, failures)


def compile_policy(source: str, text: str) -> Policy:
    """Compile a policy document (YAML): name, rules, default, optional description and exceptions.

    Raises InvalidDocument whose path is line:column, from 1, of what is wrong.
    """
    nodes = Nodes(source)
    root = nodes.root(text, "a policy")
    fields = nodes.mapping(root, "policy", {"name", "rules", "default"}, {"description", "exceptions"})
    listed = nodes.items(fields["exceptions"], "exceptions") if "exceptions" in fields else []
    exceptions = [_exemption(nodes, node, f"exceptions[{index}]") for index, node in enumerate(listed)]
    rules = [
        _rule(nodes, node, f"rules[{index}]")
        for index, node in enumerate(nodes.items(fields["rules"], "rules"))
    ]
    seen: set[str] = set()
    named = [(one.name, path, node) for one, path, node in exceptions]
    for name, path, node in [*named, *((rule.name, path, node) for rule, path, node in rules)]:
        if name in seen:
            raise nodes.error(node, f"{path}.name: {name!r} is the name of an earlier rule or exception")
        seen.add(name)
    name = nodes.text(fields["name"], "name")
    description = nodes.text(fields["description"], "description") if "description" in fields else ""
    default = _verdict(nodes, fields["default"], "default")
    own_rules = tuple(rule for rule, *_ in rules)
    own_exceptions = tuple(one for one, *_ in exceptions)
    digest = _digest(name, description, own_rules, default, own_exceptions)
    return Policy(name, description, own_rules, default, digest, own_exceptions)


def input_digest(
    sbom_digest: str,
    advisory_digests: Iterable[str],
    policy_digests: Iterable[str],
    vex_digests: Iterable[str] = (),
    image: ImageFact | None = None,
    exploits: Sequence[object] = (),
) -> str:
    """Return the SHA-256 (hex) of all that decides a result: same digest, same result, whatever the order.

    vex_digests are of the statements that hold for the image; `image` and `exploits` (what EPSS and KEV say of
    its advisories, in a fixed order) are given where a policy asks of them.
    """
    content: dict[str, Any] = {
        "engine": ENGINE_VERSION,
        "sbom": sbom_digest,
        "advisories": sorted(set(advisory_digests)),
        "policies": sorted(set(policy_digests)),
    }
    if stated := sorted(set(vex_digests)):
        content["vex"] = stated
    if image is not None:
        content["image"] = asdict(image)
    if exploits:
        content["exploits"] = list(exploits)
    return digest_of(content)


@cache
def load_default_policy() -> str:
    """Return the text of the policy that is used where a tenant has none of its own."""
    return files(__package__).joinpath("default_policy.yaml").read_text(encoding="utf-8")


def _outcome(program: cel.Program, context: cel.Context) -> tuple[bool, str | None]:
    """What a condition gives, and why it could not be evaluated.

    CEL reports errors as KeyError, TypeError, RuntimeError and others.
    """
    try:
        outcome = program.execute(context)
    except KeyError as error:
        return False, f"there is no key {error}"
    except Exception as error:
        return False, f"{type(error).__name__}: {error}"
    return (outcome, None) if isinstance(outcome, bool) else (False, f"gave {outcome!r} instead of a boolean")


def _digest(
    name: str,
    description: str,
    rules: Sequence[Rule],
    default: Verdict,
    exceptions: Sequence[Exemption],
) -> str:
    """A policy without exceptions has the digest that it had before there were any."""
    content: dict[str, Any] = {
        "name": name,
        "description": description,
        "rules": [[rule.name, rule.when, rule.verdict, rule.message] for rule in rules],
        "default": default,
    }
    if exceptions:
        content["exceptions"] = [
            [one.name, one.when, one.until.isoformat(), one.reason] for one in exceptions
        ]
    return digest_of(content)


def _rule(nodes: Nodes, node: yaml.Node, path: str) -> tuple[Rule, str, yaml.Node]:
    fields = nodes.mapping(node, path, {"name", "when", "verdict"}, {"message"})
    when, program = _condition(nodes, fields["when"], f"{path}.when")
    name = nodes.text(fields["name"], f"{path}.name")
    message = nodes.text(fields["message"], f"{path}.message") if "message" in fields else None
    verdict = _verdict(nodes, fields["verdict"], f"{path}.verdict")
    return Rule(name, when, verdict, message, program), path, fields["name"]


def _exemption(nodes: Nodes, node: yaml.Node, path: str) -> tuple[Exemption, str, yaml.Node]:
    fields = nodes.mapping(node, path, {"name", "when", "until", "reason"}, set())
    when, program = _condition(nodes, fields["when"], f"{path}.when")
    name = nodes.text(fields["name"], f"{path}.name")
    until = _end(nodes, fields["until"], f"{path}.until")
    reason = nodes.text(fields["reason"], f"{path}.reason")
    return Exemption(name, when, until, reason, program), path, fields["name"]


def _condition(nodes: Nodes, node: yaml.Node, path: str) -> tuple[str, cel.Program]:
    when = nodes.text(node, path)
    try:
        return when, compile_condition(when)
    except ConditionError as error:
        at = None if error.offset is None else nodes.place_in(node, error.offset)
        raise nodes.error(node, f"{path}: {error.reason if at else error}", at) from error


def _verdict(nodes: Nodes, node: yaml.Node, path: str) -> Verdict:
    text = nodes.text(node, path)
    try:
        return Verdict(text)
    except ValueError as error:
        expected = ", ".join(Verdict)
        reason = f"{path}: {text!r} is not a verdict; expected one of {expected}"
        raise nodes.error(node, reason) from error


def _end(nodes: Nodes, node: yaml.Node, path: str) -> datetime:
    """A day ends at midnight of UTC."""
    text = nodes.text(node, path)
    try:
        if _DAY.fullmatch(text):
            return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), UTC)
        at = datetime.fromisoformat(text.upper())
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise nodes.error(node, f"{path}: {text!r} is neither a day nor an instant; {_END}")
