from __future__ import annotations

import pytest

from registry_service.domain.events import EventKind
from registry_service.web.ui.telling import told


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_of_event_has_words_of_its_own(kind: EventKind) -> None:
    words = told(kind.value)
    assert words != kind.value
    assert "." not in words and "_" not in words
    assert [other for other in EventKind if told(other.value) == words] == [kind]


def test_a_kind_of_a_later_release_is_told_by_its_name() -> None:
    assert told("model.painted") == "model.painted"
