"""The suite can fail: without any one guard it does."""

import pytest

from tests.faults.disturbing import Fault, Wake
from tests.faults.judging import NEVER, broken, of_journals
from tests.faults.mutations import MUTATIONS, mutated
from tests.faults.profile import LONG, Size

SHORT = ("hold an attempt without a lock",)
AT_MOST = 300.0 if LONG else 60.0
"""Seconds in which something is found; a healthy scenario of this size is over in less."""
PATIENCE = 12.0
"""Far longer than any process of a healthy scenario does nothing."""


@pytest.mark.parametrize(
    "mutation", [one for one in MUTATIONS if LONG or one.name in SHORT], ids=lambda mutation: mutation.name
)
def test_without_a_guard_the_suite_fails(stage, tmp_path, mutation):
    found = found_without(stage, tmp_path, mutation)
    assert mutation.shows in found, f"{mutation.name}: {found or 'nothing was found'}"


def found_without(stage, place, mutation):
    """Everything that the suite finds, be it at the end or by what never ends."""

    def watch(admin):
        return broken(admin, NEVER) or of_journals(admin, place)

    try:
        verdict = stage.play(
            mutation.name,
            Fault(),
            also=NoWaking() if mutation.shows == "nothing moves" else Wake(stage.place, mutation.beside),
            posts=mutation.posts,
            size=Size(60, 0, workers=4, sensors=mutation.sensors),
            prepare=lambda _: by_hand(stage, mutation),
            idle="0" if mutation.shows == "nothing moves" else "1min",
            crew={"watch": watch, "patience": PATIENCE, "at_most": AT_MOST},
            packed=1,
            newest=True,
            queries=mutated(place / "queries", mutation),
        )
    except AssertionError as stuck:
        return str(stuck)
    stage.verdicts.remove(verdict)
    return "\n".join(verdict.problems)


class NoWaking(Fault):
    """Leaves alone what has stopped."""


def by_hand(stage, mutation):
    if mutation.by_hand:
        with stage.admin() as admin:
            admin.execute(mutation.by_hand)
