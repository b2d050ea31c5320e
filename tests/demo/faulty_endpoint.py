"""A planted fault: an endpoint that says it follows, and goes on serving what it served at its start."""

from __future__ import annotations

from pathlib import Path

import scoring_endpoint
from scoring_endpoint import EndpointServer


class StuckServer(EndpointServer):
    def __init__(self, address: tuple[str, int], models: Path) -> None:
        super().__init__(address, models)
        assert self.served is not None, "it has to be given a model to be stuck with"

    def serve(self, digest: str) -> None:
        if self.served is None:
            super().serve(digest)
        else:
            self.served = self.served._replace(digest=digest)


if __name__ == "__main__":
    scoring_endpoint.EndpointServer = StuckServer  # type: ignore[misc] # the program is the same but for its server
    scoring_endpoint.main()
