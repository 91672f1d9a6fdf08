"""What the ops of a launch hand to each other within one process."""

from typing import Any

from dagster import InputContext, IOManager, OutputContext


class HandOver(IOManager):
    """Keeps outputs in this process; what another Dagster run handed over is gone, and loads as None.

    So a re-execution from failure, which leaves out the ops that succeeded, reaches an op that then begins anew.
    """

    def __init__(self) -> None:
        self._values: dict[tuple[str, ...], Any] = {}

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Keeps a value."""
        self._values[tuple(context.get_identifier())] = obj

    def load_input(self, context: InputContext) -> Any:
        """The value that an op of this process handed over, or None."""
        upstream = context.upstream_output
        return self._values.get(tuple(upstream.get_identifier())) if upstream else None
