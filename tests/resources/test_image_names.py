"""Names of images as people read them."""

from dataclasses import dataclass
from uuid import UUID

from resources.image_names import image_name, names_by_id


@dataclass
class Shown:
    id: UUID
    name: str
    digest: str | None


def test_a_name_leaves_out_what_is_empty():
    assert image_name("registry.test", "shop/web", "1.0") == "registry.test/shop/web:1.0"
    assert image_name("", "web", None) == "web"


def test_a_name_that_several_digests_have_is_longer():
    images = [
        Shown(UUID(int=1), "web:1", "sha256:" + "a" * 64),
        Shown(UUID(int=2), "web:1", "sha512:" + "b" * 128),
        Shown(UUID(int=3), "web:1", None),
        Shown(UUID(int=4), "api:1", "sha256:" + "c" * 64),
        Shown(UUID(int=5), "api:2", "sha256:" + "c" * 64),
    ]
    assert list(names_by_id(images).values()) == [
        "web:1@sha256:aaaaaaaaaaaa",
        "web:1@sha512:bbbbbbbbbbbb",
        "web:1",
        "api:1",
        "api:2",
    ]
    assert names_by_id(images[:1]) == {UUID(int=1): "web:1"}
    assert names_by_id([]) == {}
