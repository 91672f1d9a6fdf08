"""What callers ask of the inventory's VEX statements."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from resources.inventory_records import VexRow, VexView
from resources.pages import Page


class Vex(Protocol):
    """What is stated about vulnerabilities in a tenant's components; a later statement overrides, none is rewritten."""

    def add(
        self, tenant_id: str, statements: Sequence[VexRow], source: str, actor: str, now: datetime
    ) -> int:
        """Keeps statements, those that say the same once; returns how many are new."""

    def list_all(self, tenant_id: str) -> list[VexRow]:
        """Every statement of a tenant."""

    def count(self, tenant_id: str) -> int:
        """How many statements a tenant has; changes whenever there are other ones."""

    def list(
        self, tenant_id: str, *, vulnerability: str | None = None, cursor: str | None = None, limit: int = 100
    ) -> Page[VexView]:
        """A page of statements, those stated last first; ``vulnerability``: only those that name it."""
