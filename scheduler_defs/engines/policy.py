"""Policies: ordered rules in CEL over one fact, compiled once, decided by the first rule that holds."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

import cel
import yaml

from resources.errors import InvalidDocument
from scheduler_defs.engines.conditions import AdvisoryFact, ComponentFact, Fact, compile_condition
from scheduler_defs.engines.digests import digest_of

__all__ = ["ENGINE_VERSION", "AdvisoryFact", "ComponentFact", "Decision", "Fact", "Policy", "Rule", "Verdict"]
__all__ += ["compile_policy", "evaluate", "input_digest", "load_default_policy"]

# Part of every input digest: raise it when the same input may give another result.
ENGINE_VERSION = "1"

_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


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
class Decision:
    """A verdict and what gave it; `rule` is None when the policy's default did."""

    verdict: Verdict
    rule: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Policy:
    """A compiled policy; `digest` covers its rules in order and its default, not how the YAML is laid out."""

    name: str
    description: str
    rules: tuple[Rule, ...]
    default: Verdict
    digest: str

    def decide(self, fact: Fact) -> Decision:
        """Return the decision of the first rule whose condition is true.

        Fails closed: a rule that cannot be evaluated on this fact, or gives no boolean, blocks, and the
        message names the rule and the error.
        """
        context = cel.Context(fact.context())
        for rule in self.rules:
            # CEL reports errors as KeyError, TypeError, RuntimeError and others; each of them blocks.
            try:
                outcome = rule.program.execute(context)
            except Exception as error:
                return _failed(rule, f"{type(error).__name__}: {error}")
            if not isinstance(outcome, bool):
                return _failed(rule, f"gave {outcome!r} instead of a boolean")
            if outcome:
                return Decision(rule.verdict, rule.name, rule.message)
        return Decision(self.default, None, None)


def compile_policy(source: str, text: str) -> Policy:
    """Compile a policy document (YAML): name, optional description, rules, default.

    Raises InvalidDocument whose path is line:column, from 1, of what is wrong.
    """
    document = _Reader(source)
    fields = document.mapping(document.root(text), "policy", {"name", "rules", "default"}, {"description"})
    rules = [
        document.rule(node, index) for index, node in enumerate(document.items(fields["rules"], "rules"))
    ]
    seen: set[str] = set()
    for index, (rule, node) in enumerate(rules):
        if rule.name in seen:
            raise document.error(node, f"rules[{index}].name: {rule.name!r} is the name of an earlier rule")
        seen.add(rule.name)
    name = document.text(fields["name"], "name")
    description = document.text(fields["description"], "description") if "description" in fields else ""
    default = document.verdict(fields["default"], "default")
    content = {
        "name": name,
        "description": description,
        "rules": [[rule.name, rule.when, rule.verdict, rule.message] for rule, _ in rules],
        "default": default,
    }
    return Policy(name, description, tuple(rule for rule, _ in rules), default, digest_of(content))


def evaluate(policy: Policy, facts: Iterable[Fact]) -> dict[Fact, Decision]:
    """Decide each distinct fact once."""
    return {fact: policy.decide(fact) for fact in dict.fromkeys(facts)}


def input_digest(sbom_digest: str, advisory_digests: Iterable[str], policy_digests: Iterable[str]) -> str:
    """Return the SHA-256 (hex) of all that decides a result: same digest, same result, whatever the order."""
    return digest_of(
        {
            "engine": ENGINE_VERSION,
            "sbom": sbom_digest,
            "advisories": sorted(set(advisory_digests)),
            "policies": sorted(set(policy_digests)),
        }
    )


@cache
def load_default_policy() -> str:
    """Return the text of the policy that is used where a tenant has none of its own."""
    return files(__package__).joinpath("default_policy.yaml").read_text(encoding="utf-8")


def _failed(rule: Rule, reason: str) -> Decision:
    return Decision(Verdict.BLOCK, rule.name, f"rule {rule.name!r} could not be evaluated: {reason}")


class _Reader:
    """Reads the nodes of one YAML document; every error carries the node's position."""

    def __init__(self, source: str) -> None:
        self._source = source

    def root(self, text: str) -> yaml.Node:
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = _position(mark) if mark else "1:1"
            raise InvalidDocument(self._source, where, f"is not YAML: {error.problem}") from error
        except yaml.reader.ReaderError as error:
            before = text[: error.position]
            where = f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
            raise InvalidDocument(self._source, where, f"is not YAML: {error.reason}") from error
        except RecursionError as error:
            raise InvalidDocument(self._source, "1:1", "is nested too deeply") from error
        if node is None:
            raise InvalidDocument(self._source, "1:1", "is empty; expected a policy")
        return node

    def rule(self, node: yaml.Node, index: int) -> tuple[Rule, yaml.Node]:
        path = f"rules[{index}]"
        fields = self.mapping(node, path, {"name", "when", "verdict"}, {"message"})
        when = self.text(fields["when"], f"{path}.when")
        try:
            program = compile_condition(when)
        except ValueError as error:
            raise self.error(fields["when"], f"{path}.when: {error}") from error
        name = self.text(fields["name"], f"{path}.name")
        message = self.text(fields["message"], f"{path}.message") if "message" in fields else None
        verdict = self.verdict(fields["verdict"], f"{path}.verdict")
        return Rule(name, when, verdict, message, program), fields["name"]

    def mapping(
        self, node: yaml.Node, path: str, required: set[str], optional: set[str]
    ) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self.error(node, f"{path}: expected a mapping with {', '.join(sorted(required))}")
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            if name not in required | optional:
                expected = ", ".join(sorted(required | optional))
                raise self.error(key, f"{path}: unknown key {name!r}; expected one of {expected}")
            if name in fields:
                raise self.error(key, f"{path}: key {name!r} stands here twice")
            fields[name] = value
        for name in sorted(required - fields.keys()):
            raise self.error(node, f"{path}: key {name!r} is missing")
        return fields

    def items(self, node: yaml.Node, path: str) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode):
            raise self.error(node, f"{path}: expected a list of rules")
        return list(node.value)

    def text(self, node: yaml.Node, path: str) -> str:
        """Return a scalar's text as written, so that `when: true` is the condition true."""
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip() or node.tag.endswith(":null"):
            raise self.error(node, f"{path}: expected text")
        if _NOT_STORABLE.search(node.value):
            raise self.error(node, f"{path}: holds a NUL or half a surrogate pair, which no database stores")
        return str(node.value).strip()

    def verdict(self, node: yaml.Node, path: str) -> Verdict:
        text = self.text(node, path)
        try:
            return Verdict(text)
        except ValueError as error:
            expected = ", ".join(Verdict)
            raise self.error(
                node, f"{path}: {text!r} is not a verdict; expected one of {expected}"
            ) from error

    def error(self, node: yaml.Node, reason: str) -> InvalidDocument:
        return InvalidDocument(self._source, _position(node.start_mark), reason)


def _position(mark: Any) -> str:
    return f"{mark.line + 1}:{mark.column + 1}"
