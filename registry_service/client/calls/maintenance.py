from __future__ import annotations

from dataclasses import replace

from registry_service.client.calls.call import Call, write
from registry_service.domain.entities import CollectionStep, ScrubStep
from registry_service.domain.requests import CollectGarbage, Scrub

# The last artifact of a step is read to its end, however large it is.
SCRUB_SECONDS = 3600.0


def collect_garbage(body: CollectGarbage) -> Call[CollectionStep]:
    """One step of removing what no version needs; `cursor` of the answer leads to the next."""
    return write("POST", CollectionStep, "maintenance", "gc", body=body)


def scrub(body: Scrub) -> Call[ScrubStep]:
    """One step of reading all bytes again; `cursor` of the answer leads to the next."""
    return replace(write("POST", ScrubStep, "maintenance", "scrub", body=body), patience=SCRUB_SECONDS)
