"""`make demo`: a registry, a scoring endpoint and a real Airflow on loopback; the story of three versions; then yours.

`--once`, or `ONCE=1` in the environment, exits after the story: 0 if each of its steps was verified from outside.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.airflow.harness import Airflow
from tests.demo.endpoint import EXAMPLES
from tests.demo.playground import COMMAND, Playground
from tests.demo.story import APPROVER, MODEL, TELLING, Story
from tests.demo.timeline import timeline


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description=__doc__)
    parser.add_argument("--once", action="store_true", default=os.environ.get("ONCE") not in (None, "", "0"))
    once = parser.parse_args().once
    signal.signal(signal.SIGTERM, _interrupt)
    say = _clocked()
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="model-registry-demo-"))
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        stack.callback(say, "everything is stopped")
        try:
            say("starting the registry and the scoring endpoint")
            playground = stack.enter_context(Playground(directory))
            say(f"the registry is at {playground.registry_url}, the endpoint at {playground.endpoint_url}")
            airflow = Airflow(directory / "airflow", dags=EXAMPLES, environment={"PYTHONDONTWRITEBYTECODE": "1"})
            stack.callback(airflow.stop)
            airflow.start(say)
            playground.introduce_to(airflow)
            story = Story(playground, airflow, say)
            try:
                story.tell()
            except TELLING as untrue:
                print(f"\nThe story isn't true: {untrue}", file=sys.stderr)
                return 1
            _show_what_happened(story)
            _show_memory(playground, airflow)
            say("the story is told, and every step was verified from outside")
            if not once:
                _show_what_to_try(story, airflow)
                while True:
                    time.sleep(3600)
        except KeyboardInterrupt:
            print()
            say("stopping")
            # Asked again and again, it would leave servers behind.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            return 0 if not once else 130
    return 0


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _clocked() -> Callable[[str], None]:
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:5.1f} s] {line}", flush=True)

    return say


def _show_what_happened(story: Story) -> None:
    print(f"\nWhat happened to '{MODEL}', as the registry's log tells it:\n")
    with story.outside() as outside:
        for line in timeline(outside.events()):
            print(f"  {line}")
    print()


def _show_memory(playground: Playground, airflow: Airflow) -> None:
    used = [*playground.memory().items(), *airflow.memory().items()]
    print("Memory: " + ", ".join(f"{name} {size >> 20} MiB" for name, size in used) + "\n")


def _show_what_to_try(story: Story, airflow: Airflow) -> None:
    playground = story.playground
    command = f"MODEL_REGISTRY_HOME={playground.home} {COMMAND}"
    print(
        f"""
Airflow is at {airflow.url} (no login), the registry at {playground.registry_url}.
A link into the registry's pages, as {APPROVER}, who approves, and as yourself:

  {command} --token-file {story.approver} browse --print
  {command} browse --print

There, find '{MODEL}', see why version 2 stayed out, and release production, which the rollback holds. Then trigger
train_and_register in Airflow, with 1200 samples: its version waits for {APPROVER}, goes live once she has approved it,
and is rolled back on the model's page. Or try:

  curl {playground.endpoint_url}/live
  {command} stages history {MODEL} production
  {command} promotions list
  {command} events list

Ctrl-C stops everything and removes {playground.directory}.
""",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
