"""What is uploaded is bytes, whatever it would do if somebody loaded it."""

from __future__ import annotations

import io
import pickle
import tarfile
from pathlib import Path

from registry_service.client import RegistryClient
from tests.security.watch import watched
from tests.service_fixture import RunningService
from tests.web.stories import API, create_model, register


class Marks:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self._marker,)


def _tar_that_leads_out() -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for name in ("../../outside", "/tmp/outside"):
            archive.addfile(tarfile.TarInfo(name))
    return held.getvalue()


def test_a_model_that_would_run_on_loading_never_does(service: RunningService, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    loaded = pickle.dumps(Marks(marker))
    files = {"model.pkl": loaded, "model.joblib": loaded[:-1] + b".", "model.tar": _tar_that_leads_out()}
    with watched(service.home) as seen, service.http() as http:
        create_model(http, "m")
        register(http, "m", files)
        http.get(f"{API}/models/m/versions/1/files/model.pkl")
        http.post(f"{API}/maintenance/scrub", json={})
    with watched(tmp_path) as of_client, RegistryClient(service.url, service.person) as registry:
        registry.download("m", "1", tmp_path / "here")
    assert seen == []
    assert [line for line in of_client if not line.startswith("socket.connect")] == []
    assert not marker.exists()
    assert (tmp_path / "here" / "model.tar").read_bytes() == files["model.tar"]
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == sorted(files)
    pickle.loads(loaded)
    assert marker.exists(), "the model would have run, had anybody loaded it"
