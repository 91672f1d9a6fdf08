"""Runs after all other tests of this folder: each public repository method was called by one, on PostgreSQL."""

from tests.resources.recording import public_methods


def test_every_public_repository_method_has_a_test_that_calls_it(whole_suite, called):
    methods = {(kind.__name__, name) for kind, name, _ in public_methods()}
    assert len(methods) > 90
    assert called <= methods
    assert sorted(methods - called) == []
