"""What the service counts of itself, and the page that Prometheus reads it from.

No label holds a name that users gave: routes are counted by their templates, refusals by their codes.
"""

from __future__ import annotations

import asyncio
import os
import platform
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import structlog
from litestar import Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency

from registry_service.db.queries.uploads import count_open_uploads
from registry_service.domain.errors import ArtifactMissing, RegistryError, StorageFull, StorageUnavailable
from registry_service.domain.permissions import Action, authorize
from registry_service.services.registry import SYSTEM, Registry
from registry_service.web.authentication import METRICS_PATH
from registry_service.web.caller import Caller
from registry_service.web.exposition import MEDIA_TYPE, Family, Sample, exposition, histogram, single
from registry_service.web.release import RELEASE

log = structlog.get_logger("registry.metrics")

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds in seconds. Long polls wait up to 30 s."""

STORE_ERRORS: Final = (StorageUnavailable.code, StorageFull.code, ArtifactMissing.code)
"""Refusals that tell of the place where bytes are kept, or of its disk."""

LOOK_SECONDS: Final = 5.0

_NO_ROUTE: Final = "none"
# Any other is refused by the routes, and would be a label that callers choose.
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CLASSES: Final = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")


class _Requests:
    """Of one method and route: how many by the class of their status, and how long they took."""

    __slots__ = ("classes", "counts", "seconds")

    def __init__(self) -> None:
        self.classes = [0] * len(_CLASSES)
        self.counts = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0


class Metrics:
    """Counted by one process since it began, on its event loop."""

    def __init__(self) -> None:
        self._began = time.time()
        self._requests: dict[tuple[str, str | None], _Requests] = {}
        self._refusals: Counter[str] = Counter()
        self._store_errors = Counter(dict.fromkeys(STORE_ERRORS, 0))

    def observe(self, method: str, route: str | None, status: int | None, seconds: float, code: str | None) -> None:
        """A request has ended. `route`: the template, None where none was found or looked for; `status`: None where
        the caller left first; `code`: that of the refusal, if it was refused."""

        found = self._requests.get((method, route))
        if found is None:
            known = method if method in _METHODS else "other"
            found = self._requests.setdefault((known, route), _Requests())
        found.classes[status // 100 if status else 0] += 1
        found.counts[bisect_left(BUCKETS, seconds)] += 1
        found.seconds += seconds
        if code is not None:
            self._refusals[code] += 1
            self.note_store_error(code)

    def note_store_error(self, code: str) -> None:
        """Something met this refusal. Counted if it tells of the store."""
        if code in self._store_errors:
            self._store_errors[code] += 1

    def families(self) -> Iterator[Family]:
        """What is counted here, and what the process says of itself."""

        requests = sorted(self._requests.items(), key=lambda item: (item[0][1] or _NO_ROUTE, item[0][0]))
        of = [({"method": method, "route": route or _NO_ROUTE}, counted) for (method, route), counted in requests]
        yield Family(
            "model_registry_http_requests_total",
            "counter",
            "Requests that ended.",
            [
                Sample({**labels, "status": name}, count)
                for labels, counted in of
                for name, count in zip(_CLASSES, counted.classes, strict=True)
                if count
            ],
        )
        yield Family(
            "model_registry_http_request_duration_seconds",
            "histogram",
            "How long requests took, to the last byte of the answer.",
            [s for labels, counted in of for s in histogram(labels, BUCKETS, counted.counts, counted.seconds)],
        )
        yield _by(
            "model_registry_refusals_total", "Requests that were refused or failed.", "code", self._refusals.items()
        )
        yield _by(
            "model_registry_store_errors_total", "Errors of the artifact store.", "code", self._store_errors.items()
        )
        build = {"version": RELEASE, "python": platform.python_version()}
        yield Family("model_registry_build_info", "gauge", "Which release this is.", [Sample(build, 1)])
        yield single("process_start_time_seconds", "gauge", "When the process began, since 1970.", self._began)
        yield single("process_cpu_seconds_total", "counter", "Processor time of the process.", time.process_time())
        yield from _memory()


def _by(name: str, about: str, label: str, counts: Iterable[tuple[str, int]]) -> Family:
    return Family(name, "counter", about, [Sample({label: key}, count) for key, count in sorted(counts)])


def _memory() -> Iterator[Family]:
    """What Linux tells of this process; elsewhere nothing."""
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[1])
        files = sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        return
    bytes_ = pages * os.sysconf("SC_PAGE_SIZE")
    yield single("process_resident_memory_bytes", "gauge", "Memory of the process.", bytes_)
    yield single("process_open_fds", "gauge", "Open files and connections of the process.", files)


@get(METRICS_PATH, action=Action.METRICS_READ, include_in_schema=False)
async def read_metrics(caller: NamedDependency[Caller], state: State) -> Response[bytes]:
    """For Prometheus. Whoever reads it must be allowed to on the registry as a whole: it counts what is done to any
    model."""

    authorize(caller.actor, Action.METRICS_READ, None)
    metrics: Metrics = state.metrics
    open_streams = single("model_registry_event_streams", "gauge", "Streams of events.", state.broadcast.streams)
    families = [*metrics.families(), open_streams, *await _of_registry(caller.registry)]
    return Response(exposition(families), media_type=MEDIA_TYPE)


async def _of_registry(registry: Registry) -> list[Family]:
    appended = registry.appended
    found = [
        _by(
            "model_registry_events_appended_total", "Events in the log by this process.", "kind", appended.kinds.items()
        ),
        _by(
            "model_registry_promotion_moves_total", "Promotions that came to a phase.", "phase", appended.phases.items()
        ),
        single(
            "model_registry_writes_in_progress",
            "gauge",
            "Writes that were accepted and are not answered yet.",
            registry.database.writes_in_progress,
        ),
    ]
    try:
        uploads = await asyncio.wait_for(registry.view(SYSTEM, count_open_uploads), LOOK_SECONDS)
    except (RegistryError, TimeoutError) as error:
        # Metrics are wanted most when something is broken.
        log.warning("metrics lack what the database knows", reason=str(error) or "it took too long")
        return [*found, single("model_registry_database_up", "gauge", "Whether the database answers.", 0)]
    up = single("model_registry_database_up", "gauge", "Whether the database answers.", 1)
    return [*found, up, single("model_registry_open_uploads", "gauge", "Uploads under way, of anybody.", uploads)]
