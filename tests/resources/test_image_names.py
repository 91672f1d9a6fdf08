"""Names of images as people read them."""

from dataclasses import dataclass

from resources.image_names import distinct_names, image_name


@dataclass
class Shown:
    name: str
    digest: str | None


def test_a_name_leaves_out_what_is_empty():
    assert image_name("registry.test", "shop/web", "1.0") == "registry.test/shop/web:1.0"
    assert image_name("", "web", None) == "web"


def test_a_name_that_several_digests_have_is_longer():
    images = [
        Shown("web:1", "sha256:" + "a" * 64),
        Shown("web:1", "sha512:" + "b" * 128),
        Shown("web:1", None),
        Shown("api:1", "sha256:" + "c" * 64),
        Shown("api:1", "sha256:" + "c" * 64),
    ]
    assert distinct_names(images) == [
        "web:1@sha256:aaaaaaaaaaaa",
        "web:1@sha512:bbbbbbbbbbbb",
        "web:1",
        "api:1",
        "api:1",
    ]
    assert distinct_names([]) == []
