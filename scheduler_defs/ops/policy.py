"""Policy runs: what the tenant's policies say of each selected image."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from packaging.utils import canonicalize_name

from resources.inventory_records import AdvisoryRow, FindingRow, KnownComponent
