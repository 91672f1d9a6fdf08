"""What holds for the triggers of a schedule beside their rules."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TypedDict

from resources.errors import InvalidInput
from resources.records import Trigger
from resources.store import Store

LONGEST_JITTER = timedelta(days=1)
MOST_CALENDARS = 10


class TriggerTerms(TypedDict, total=False):
    """Jitter, calendars by name, and the number of fires a trigger ends with; what is left out stays as it is."""

    jitter: timedelta
    calendars: Sequence[str]
    max_fires: int | None


def hold_terms(store: Store, tenant_id: str, terms: TriggerTerms) -> None:
    """Checks terms and holds their calendars until the transaction ends, before anything else is locked.

    Raises InvalidInput naming the field, NotFound for a calendar.
    """
    if not timedelta() <= terms.get("jitter", timedelta()) <= LONGEST_JITTER:
        raise InvalidInput("jitter", terms["jitter"], "0 seconds to 1 day")
    most = terms.get("max_fires")
    if most is not None and most < 1:
        raise InvalidInput("max_fires", most, "1 or more")
    names = [*terms.get("calendars", ())]
    if len({*names}) != len(names) or len(names) > MOST_CALENDARS:
        raise InvalidInput("calendars", ", ".join(names), f"at most {MOST_CALENDARS} names, each once")
    if names:
        store.calendars.hold(tenant_id, names)


def differing(triggers: Sequence[Trigger], terms: TriggerTerms) -> list[Trigger]:
    """Triggers for which the terms would change something."""
    return [one for one in triggers if any(getattr(one, name) != value for name, value in terms.items())]
