"""A row of the ledger as the audit reads it, and the policies it was written under."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from resources.errors import InvalidInput
from resources.states import CatchUp, Overlap


@dataclass(frozen=True, slots=True)
class Policies:
    """What a version of a schedule says of fires that are late, too many or not wanted; None: it does not say."""

    overlap: str | None = None
    catch_up: str | None = None
    catch_up_window: timedelta | None = None
    misfire_grace: timedelta | None = None
    limits_rate: bool = False
    conditions: frozenset[str] = frozenset()

    def objection(self, reason: str, late: timedelta) -> str | None:
        """Why an occurrence that was due for so long cannot have been skipped for a reason; None: it can."""
        if reason == "overlap" and self.overlap == Overlap.ALLOW:
            return "may overlap"
        if reason == "rate" and not self.limits_rate:
            return "no rate is set"
        if reason.startswith("only_if:") and reason.removeprefix("only_if:") not in self.conditions:
            return "no such condition"
        if reason == "missed" and self.misfire_grace is not None:
            patience = self.misfire_grace
            if self.catch_up == CatchUp.ALL and self.catch_up_window is not None:
                patience = max(patience, self.catch_up_window)
            return None if late > patience else f"due for only {late}"
        return None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the ledger and the occurrences it says it accounts for: one, or so many from first to last."""

    id: UUID
    first: datetime
    last: datetime
    created_at: datetime
    count: int = 1
    skipped_for: str | None = None
    """The reason of a skipped row; None for one that fired."""
    policies: Policies = Policies()


def policies_of(content: Mapping[str, Any]) -> Policies:
    """Reads the content of a version of a schedule; raises InvalidInput for what no edit writes."""
    try:
        return Policies(
            overlap=content.get("overlap"),
            catch_up=content.get("catch_up"),
            catch_up_window=_seconds(content.get("catch_up_window")),
            misfire_grace=_seconds(content.get("misfire_grace")),
            limits_rate=content.get("max_runs_per_hour") is not None,
            conditions=frozenset(content.get("only_if") or ()),
        )
    except (TypeError, OverflowError, AttributeError) as error:
        raise InvalidInput("content", content, f"what a version of a schedule says ({error!r})") from error


def _seconds(value: float | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)
