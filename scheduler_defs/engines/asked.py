"""What conditions ask of a fact: facts that are alike in it are decided alike."""

import re
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

import cel

from scheduler_defs.engines.conditions import Fact, without_literals
from scheduler_defs.engines.exploits import EXPLOIT_FIELDS

_VARIABLE = re.compile(r"(?<![\w.])(\w+)(?:\s*\.\s*(\w+))?")


def asked_of(conditions: Iterable[tuple[str, cel.Program]]) -> frozenset[str]:
    """Return what conditions ask of a fact: a variable's field, as advisory.severity, or a variable as a whole.

    Conditions as text and as compiled. Names too much rather than too little.
    """
    asked: set[str] = set()
    for text, program in conditions:
        variables = set(program.variables())
        if variables & EXPLOIT_FIELDS.keys():
            asked.add("exploits")
        for variable, field in _VARIABLE.findall(without_literals(text)):
            if variable in variables & Fact.__dataclass_fields__.keys():
                known = Fact.__dataclass_fields__[variable].type
                named = field in getattr(known, "__dataclass_fields__", ())
                asked.add(f"{variable}.{field}" if named else variable)
    return frozenset(
        one for one in asked if one.partition(".")[0] == one or one.partition(".")[0] not in asked
    )


def projection(asked: Iterable[str]) -> Callable[[Fact], Any]:
    """Return what gives of a fact all that is asked of it; facts for which that is equal are decided alike."""
    names = sorted(asked)
    return attrgetter(*names) if names else lambda fact: ()
