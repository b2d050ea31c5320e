from __future__ import annotations

from dataclasses import replace

from registry_service.client.calls.call import Call, write
from registry_service.domain.entities import CollectionStep, ScrubStep
from registry_service.domain.requests import CollectGarbage, Scrub

# What is damaged is set aside, and a bucket copies it for that, however large it is.
SCRUB_SECONDS = 600.0


def collect_garbage(body: CollectGarbage) -> Call[CollectionStep]:
    """One step of removing what no version needs; `cursor` of the answer leads to the next."""
    return write("POST", CollectionStep, "maintenance", "gc", body=body)


def scrub(body: Scrub) -> Call[ScrubStep]:
    """One step of reading all bytes again; `cursor` of the answer leads to the next."""
    call = write("POST", ScrubStep, "maintenance", "scrub", body=body)
    return replace(call, patience=SCRUB_SECONDS)
