"""The facts that rules see, and the conditions in CEL over them: compiled once, checked before they run."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, product
from typing import Any, Literal

import cel

from scheduler_defs.engines.closed_values import check_values
from scheduler_defs.engines.condition_errors import ConditionError
from scheduler_defs.engines.exploits import EXPLOIT_FIELDS, NOTHING_KNOWN, ExploitFact
from scheduler_defs.engines.severity import Severity
from scheduler_defs.engines.vex_statements import VexStatus

# A condition holds the GIL while it runs; these two keep the worst one far below a second.
MAX_CONDITION_LENGTH = 4000
MAX_LOOPS = 1

_FIELDS = {
    "vex": frozenset({"status", "justification", "note"}),
    "image": frozenset({"registry", "repository", "tag", "digest", "namespace", "labels"}),
    "component": frozenset({"purl", "type", "namespace", "name", "version"}),
    "advisory": frozenset(
        {"id", "aliases", "upstream", "severity", "score", "withdrawn", "published", "summary"}
    ),
    **EXPLOIT_FIELDS,
}
_VARIABLES = ("component", "advisory", "match", "vex", "image", *EXPLOIT_FIELDS)
_TYPES = frozenset({"bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type"})
# `matches` is left out: it compiles its pattern on every call, and a short one can take 60 ms.
_FUNCTIONS = frozenset(
    {"contains", "endsWith", "size", "startsWith", "type", "dyn"}
    | {"bytes", "double", "duration", "int", "string", "timestamp", "uint"}
    | {f"get{part}" for part in ("FullYear", "Month", "Date", "DayOfMonth", "DayOfWeek", "DayOfYear")}
    | {f"get{part}" for part in ("Hours", "Minutes", "Seconds", "Milliseconds")}
)
_SYNTAX_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_LITERALS_AND_COMMENTS = re.compile(
    r"""
      [bB]?[rR][bB]?(?:\"\"\".*?\"\"\" | \'\'\'.*?\'\'\' | "[^"\n]*" | '[^'\n]*')
    | \"\"\"(?:\\.|[^\\])*?\"\"\" | \'\'\'(?:\\.|[^\\])*?\'\'\'
    | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'
    | //[^\n]*
    """,
    re.VERBOSE | re.DOTALL,
)
# map and filter copy their result on every step: 30 s for a condition of 3,800 characters.
_COPYING_LOOP = re.compile(r"\.\s*(map|filter)\s*\(")
_LOOP = re.compile(r"\.\s*(?:all|exists|exists_one|existsOne)\s*\(\s*(\w*)")
_FIELD = re.compile(rf"(?<![\w.])({'|'.join(_FIELDS)})\s*\.\s*(\w+)")


@dataclass(frozen=True, slots=True)
class ComponentFact:
    """The component of a finding; what a package URL leaves out is seen by rules as an empty string."""

    purl: str
    type: str
    namespace: str | None
    name: str
    version: str | None


@dataclass(frozen=True, slots=True)
class AdvisoryFact:
    """The advisory of a finding; score 0.0-10.0, `published` is null to rules when it is not known."""

    id: str
    aliases: tuple[str, ...]
    severity: Severity
    score: float
    withdrawn: bool
    published: datetime | None
    summary: str
    upstream: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VexFact:
    """What is stated about the advisory in the component; rules see empty texts where nothing is."""

    status: str = ""
    justification: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class ImageFact:
    """The image of a finding; `labels` as sorted pairs of key and value."""

    registry: str = ""
    repository: str = ""
    tag: str | None = None
    digest: str | None = None
    namespace: str = ""
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """One finding as rules see it: `component`, `advisory`, `match`, `vex`, `image`, `epss` and `kev`."""

    component: ComponentFact
    advisory: AdvisoryFact
    match: Literal["affected", "unknown"]
    vex: VexFact = VexFact()
    image: ImageFact = ImageFact()
    exploits: ExploitFact = NOTHING_KNOWN

    def context(self) -> dict[str, Any]:
        """Return the CEL variables."""
        component, advisory = self.component, self.advisory
        return {
            "component": {
                "purl": component.purl,
                "type": component.type,
                "namespace": component.namespace or "",
                "name": component.name,
                "version": component.version or "",
            },
            "advisory": {
                "id": advisory.id,
                "aliases": list(advisory.aliases),
                "upstream": list(advisory.upstream),
                "severity": str(advisory.severity),
                "score": advisory.score,
                "withdrawn": advisory.withdrawn,
                "published": advisory.published,
                "summary": advisory.summary,
            },
            "match": str(self.match),
            "vex": {
                "status": self.vex.status,
                "justification": self.vex.justification or "",
                "note": self.vex.note,
            },
            "image": {
                "registry": self.image.registry,
                "repository": self.image.repository,
                "tag": self.image.tag or "",
                "digest": self.image.digest or "",
                "namespace": self.image.namespace,
                "labels": dict(self.image.labels),
            },
            **self.exploits.context(),
        }


def compile_condition(expression: str) -> cel.Program:
    """Compile a condition and prove it usable: known names and values only, one loop at most, a boolean for every fact.

    Raises ConditionError that says what is wrong, and where.
    """
    if len(expression) > MAX_CONDITION_LENGTH:
        raise ConditionError(f"is longer than {MAX_CONDITION_LENGTH} characters; split it into several rules")
    try:
        program = cel.compile(expression)
    except ValueError as error:
        raise _syntax_error(expression, str(error)) from error
    _check_names(expression, program)
    for fact in _samples():
        try:
            outcome = program.execute(fact.context())
        except Exception as error:
            raise ConditionError(f"fails on {_described(fact)}: {_reason(error)}") from error
        if not isinstance(outcome, bool):
            raise ConditionError(f"gives {outcome!r}; a condition is true or false")
    return program


def without_literals(expression: str) -> str:
    """Return the code of a condition, each part where it was: every text in it is blank, and so are comments."""
    return _LITERALS_AND_COMMENTS.sub(_blank, expression)


def _blank(found: re.Match[str]) -> str:
    kept = "".join(character if character == "\n" else " " for character in found[0])
    return kept if found[0].startswith("//") else f'"{kept[1:-1]}"'


def _check_names(expression: str, program: cel.Program) -> None:
    code = without_literals(expression)
    if copying := _COPYING_LOOP.search(code):
        reason = f"uses {copying[1]}; of the loops, all, exists and exists_one are allowed"
        raise ConditionError(reason, expression, copying.start(1))
    loops = list(_LOOP.finditer(code))
    if len(loops) > MAX_LOOPS:
        reason = f"loops {len(loops)} times; at most {MAX_LOOPS} of all, exists, exists_one is allowed"
        raise ConditionError(reason, expression, loops[MAX_LOOPS].start())
    own = frozenset(loop[1] for loop in loops)
    for name in program.variables():
        if name not in {*_VARIABLES, *_TYPES, *own}:
            reason = f"unknown variable {name!r}; expected one of {', '.join(_VARIABLES)}"
            raise ConditionError(reason, expression, _first(code, name))
    for name in program.functions():
        if name[0].isalpha() and name not in _FUNCTIONS:
            reason = f"unknown function {name!r}; expected one of {', '.join(sorted(_FUNCTIONS))}"
            raise ConditionError(reason, expression, _first(code, name))
    for found in _FIELD.finditer(code):
        variable, name = found.groups()
        if variable not in own and name not in _FIELDS[variable]:
            expected = ", ".join(sorted(_FIELDS[variable]))
            reason = f"unknown field {variable}.{name}; expected one of {expected}"
            raise ConditionError(reason, expression, found.start())
    check_values(expression, code, own)


def _first(code: str, name: str) -> int | None:
    found = re.search(rf"(?<![\w.]){re.escape(name)}\b", code) or re.search(rf"\b{re.escape(name)}\b", code)
    return found.start() if found else None


def _samples() -> Iterator[Fact]:
    """Yield facts of every severity, match and VEX status, complete and with all that may be absent left out."""
    full = ComponentFact("pkg:npm/%40scope/name@1.2.3", "npm", "@scope", "name", "1.2.3")
    bare = ComponentFact("pkg:npm/name", "npm", None, "name", None)
    published = datetime(2024, 1, 31, tzinfo=UTC)
    matches: tuple[Literal["affected", "unknown"], ...] = ("affected", "unknown")
    image = ImageFact("registry", "repository", "1", "sha256:0", "default", (("tier", "production"),))
    exploited = ExploitFact(0.97531, 0.99876, published.date(), True)
    statuses = ("", *(str(one) for one in VexStatus))
    kinds = product(Severity, matches, (False, True))
    for (severity, match, withdrawn), status in zip(kinds, cycle(statuses), strict=False):
        stated = VexFact(status, "component_not_present", "text") if status else VexFact()
        advisory = AdvisoryFact("ID-1", ("CVE-1",), severity, 7.5, withdrawn, published, "text", ("CVE-2",))
        yield Fact(full, advisory, match, stated, image, exploited)
        plain = AdvisoryFact("ID-2", (), severity, 0.0, withdrawn, None, "")
        yield Fact(bare, plain, match, VexFact(status), ImageFact(namespace="default"))


def _described(fact: Fact) -> str:
    extent = (
        "with every field set"
        if fact.component.version
        else "without version, namespace, aliases, upstream, published, epss, kev, labels"
    )
    return f"a fact (match {fact.match}, severity {fact.advisory.severity}) {extent}"


def _reason(error: Exception) -> str:
    return f"unknown key {error}" if isinstance(error, KeyError) else " ".join(str(error).split())


def _syntax_error(expression: str, text: str) -> ConditionError:
    found = _SYNTAX_ERROR.search(text)
    if not found:
        return ConditionError(text)
    before = expression.split("\n")[: int(found[1]) - 1]
    return ConditionError(found[3], expression, sum(len(line) + 1 for line in before) + int(found[2]) - 1)
