"""A planted fault: an endpoint that says that it serves what it was told to, and always serves `stuck.joblib`."""

from __future__ import annotations

import hashlib

import joblib
import scoring_endpoint
from scoring_endpoint import EndpointServer, Served


class StuckServer(EndpointServer):
    def serve(self, digest: str) -> None:
        path = self.models / "stuck.joblib"
        self.served = Served(digest, hashlib.sha256(path.read_bytes()).hexdigest(), joblib.load(path))


if __name__ == "__main__":
    scoring_endpoint.EndpointServer = StuckServer  # type: ignore[misc] # the program is the same but for its server
    scoring_endpoint.main()
