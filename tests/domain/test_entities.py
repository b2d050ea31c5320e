from __future__ import annotations

from registry_service.domain.entities import UploadPart


def test_a_part_that_is_printed_keeps_its_address_to_itself() -> None:
    part = UploadPart(number=2, offset=8, size=4, url="https://store.example.org/part?signature=secret")
    for text in (repr(part), str(part), f"{[part]}"):
        assert "number=2, offset=8, size=4" in text
        assert "secret" not in text and "store.example.org" not in text
