"""What is wrong in a condition, and where."""


class ConditionError(ValueError):
    """A condition that cannot be used: why, and at which of its characters, from 0; None where all of it is meant."""

    def __init__(self, reason: str, expression: str = "", offset: int | None = None) -> None:
        self.reason, self.offset = reason, offset
        super().__init__(reason if offset is None else f"{_place(expression, offset)}: {reason}")


def _place(expression: str, offset: int) -> str:
    line, column = expression.count("\n", 0, offset) + 1, offset - expression.rfind("\n", 0, offset)
    return f"in the condition, at line {line}, column {column}"
