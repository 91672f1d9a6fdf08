"""What the ops of a launch hand to each other within one Dagster run."""

from typing import Any

from dagster import InitResourceContext, InputContext, IOManager, OutputContext, io_manager


class HandOver(IOManager):
    """Keeps outputs as long as its Dagster run lasts; what another one handed over is gone, and loads as None.

    So a re-execution from failure, which leaves out the ops that succeeded, reaches an op that then begins anew.
    """

    def __init__(self) -> None:
        self._values: dict[tuple[str, ...], Any] = {}

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Keeps a value."""
        self._values[tuple(context.get_identifier())] = obj

    def load_input(self, context: InputContext) -> Any:
        """The value that an op of this Dagster run handed over, or None."""
        upstream = context.upstream_output
        return self._values.get(tuple(upstream.get_identifier())) if upstream else None


@io_manager
def hand_over(_context: InitResourceContext) -> HandOver:
    """One for each Dagster run."""
    return HandOver()
