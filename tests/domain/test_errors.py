from __future__ import annotations

from registry_service.domain.errors import NotFound, RegistryError, Unavailable, error_classes


def subclasses(cls: type[RegistryError]) -> list[type[RegistryError]]:
    # Other tests plant branches of their own.
    own = [found for found in cls.__subclasses__() if found.__module__.startswith("registry_service.")]
    return [*own, *(below for found in own for below in subclasses(found))]


def test_the_tree_is_known_whole_by_codes_of_which_no_two_are_the_same() -> None:
    tree: list[type[RegistryError]] = [RegistryError, *subclasses(RegistryError)]
    known = error_classes()
    assert len(tree) > 40
    assert [known[cls.code] for cls in tree] == tree


def test_a_refusal_carries_its_details_beside_its_message() -> None:
    refusal = NotFound("It isn't there.", model="fraud")
    assert (refusal.message, refusal.details, str(refusal)) == (
        "It isn't there.",
        {"model": "fraud"},
        "It isn't there.",
    )
    assert not NotFound.retryable and Unavailable.retryable
