"""The image that a person means."""

from resources.errors import InvalidInput
from resources.records import Image
from resources.store import Store
from scheduler_defs.engines.subjects import canonical_text

ACCEPTED = "registry/repository:tag, …@digest, or a part of them that one image with an SBOM has"
SHOWN = 3


def find_image(store: Store, tenant: str, text: str, accepted: str = ACCEPTED) -> Image:
    """The image with an SBOM that a text names best; raises InvalidInput for none, or several."""
    images = store.images.find_named(tenant, canonical_text(text), limit=SHOWN + 1) if text else []
    if not images:
        raise InvalidInput("image", text, accepted)
    if len(images) > 1:
        names = [*map(whole_name, images[:SHOWN]), *("more" for _ in images[SHOWN:])]
        raise InvalidInput("image", text, f"what names one image, not {', '.join(names)}")
    return images[0]


def whole_name(image: Image) -> str:
    """``registry/repository:tag@digest``, without what the image lacks."""
    return f"{image.name}@{image.digest}" if image.digest else image.name
