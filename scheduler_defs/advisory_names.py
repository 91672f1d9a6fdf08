"""Advisories by any of their ids: people know a CVE, feeds give an advisory an id of their own."""

from dataclasses import replace

from resources.errors import InvalidInput
from resources.selection import Selection
from resources.store import Store


def check_advisories(store: Store, selection: Selection) -> None:
    """Raises InvalidInput for what is no ingested advisory's id, alias or upstream."""
    unknown = set(selection.advisories) - store.advisories.of_names(selection.advisories).keys()
    if unknown:
        expected = "ids of ingested advisories, or of what they are about"
        raise InvalidInput("selection.advisories", ", ".join(sorted(unknown)), expected)


def by_own_ids(store: Store, selection: Selection) -> Selection:
    """The selection with the own ids of its advisories beside what they were asked for by.

    It stays narrowed where nothing is known by that name any more.
    """
    if not selection.advisories:
        return selection
    named = store.advisories.of_names(selection.advisories)
    return replace(selection, advisories=tuple(sorted({*selection.advisories}.union(*named.values()))))
