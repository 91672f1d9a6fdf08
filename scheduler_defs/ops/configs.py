"""What a launch is given: the launch id by fire_due, or a tenant and a choice by hand."""

from uuid import UUID

from dagster import Config
from pydantic import Field

from resources.errors import InvalidInput
from resources.selection import Selection
from resources.states import PolicyMode


class ImageSelection(Config):
    """Which images; left empty, all of the tenant."""

    namespace: str = Field(default="", description="Only images of this namespace.")
    repository: str = Field(default="", description="Only images whose repository matches, such as shop/*.")
    digest: str = Field(default="", description="Only the image with this digest (sha256:…).")
    labels: dict[str, str] = Field(default={}, description="Only images that carry all of these labels.")

    def to_selection(self) -> Selection:
        """The same as a Selection."""
        return Selection.parse(
            {
                "namespace": self.namespace or None,
                "repository": self.repository or None,
                "digest": self.digest or None,
                "labels": self.labels,
            }
        )


class ImpactSelection(ImageSelection):
    """Which images, and which advisories; left empty, all."""

    advisories: list[str] = Field(
        default=[], description="Only these advisories, by any of their ids (CVE-2021-44420, PYSEC-2021-439)."
    )
    since_revision: int = Field(
        default=-1, description="Only what later feed revisions touched; -1 considers all."
    )

    def to_selection(self) -> Selection:
        """The same as a Selection."""
        images = super().to_selection().to_json()
        since = self.since_revision if self.since_revision >= 0 else None
        return Selection.parse(images | {"advisories": self.advisories, "since_revision": since})


class PolicySelection(ImageSelection):
    """Which images, and for a simulation of when; left empty, all images as of when it begins."""

    as_of: str = Field(
        default="",
        description="SIMULATE only: exceptions hold as of then (2024-05-01T00:00Z). Empty: of when the run begins.",
    )

    def to_selection(self) -> Selection:
        """The same as a Selection."""
        return Selection.parse(super().to_selection().to_json() | {"as_of": self.as_of or None})


class LaunchConfig(Config):
    """A launch of fire_due, or a manual one of a tenant."""

    tenant: str = Field(default="", description="Whose images. All that a manual launch needs.")
    priority: int = Field(default=0, description="-100 to 100; recorded with the run.")
    launch_id: str = Field(
        default="", description="Set by the sensor fire_due. Leave empty for a manual launch."
    )

    @property
    def launch(self) -> UUID | None:
        """The launch to open; None for a manual one. Raises InvalidInput."""
        if not self.launch_id:
            return None
        try:
            return UUID(self.launch_id)
        except ValueError:
            raise InvalidInput(
                "launch_id", self.launch_id, "a launch's UUID, or nothing for a manual launch"
            ) from None


class GraphConfig(LaunchConfig):
    """Builds dependency graphs."""

    selection: ImageSelection = Field(default=ImageSelection(), description="Which images; all by default.")


class ImpactConfig(LaunchConfig):
    """Finds affected images."""

    selection: ImpactSelection = Field(
        default=ImpactSelection(), description="Which images and advisories; all by default"
    )


class PolicyConfig(LaunchConfig):
    """Evaluates policies."""

    selection: PolicySelection = Field(
        default=PolicySelection(), description="Which images, and of when; all and now by default."
    )
    mode: PolicyMode = Field(
        default=PolicyMode.FULL,
        description="FULL: every image. INCREMENTAL: images whose inputs changed. SIMULATE: writes no findings.",
    )
