"""Advisories by any of their ids: people know a CVE, feeds give an advisory an id of their own."""

from dataclasses import replace

from resources.errors import InvalidInput
from resources.selection import Selection
from resources.store import Store


def check_advisories(store: Store, selection: Selection) -> Selection:
    """The same as by_own_ids; raises InvalidInput for what is no ingested advisory's id, alias or upstream."""
    named = store.advisories.of_names(selection.advisories)
    if unknown := set(selection.advisories) - named.keys():
        expected = "ids of ingested advisories, or of what they are about"
        raise InvalidInput("selection.advisories", ", ".join(sorted(unknown)), expected)
    return _with(selection, named)


def by_own_ids(store: Store, selection: Selection) -> Selection:
    """The selection with the own ids of its advisories beside what they were asked for by.

    It stays narrowed where nothing is known by that name any more.
    """
    return (
        _with(selection, store.advisories.of_names(selection.advisories))
        if selection.advisories
        else selection
    )


def _with(selection: Selection, named: dict[str, set[str]]) -> Selection:
    return replace(selection, advisories=tuple(sorted({*selection.advisories}.union(*named.values()))))
