"""The demo's story as a test, and the proof that its verification would notice if it weren't true."""

from __future__ import annotations

from pathlib import Path

import httpx
import joblib
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from tests.airflow.harness import Airflow
from tests.demo.outside import NotAsTold
from tests.demo.playground import Playground
from tests.demo.story import Story
from tests.demo.timeline import timeline

# A program of its own: it is to import the endpoint as a neighbour.
FAULTY_ENDPOINT = Path(__file__).parents[1] / "demo" / "faulty_endpoint.py"

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(600)]


def test_one_version_goes_live_one_is_refused_and_one_is_rolled_back(told_story: Story) -> None:
    with told_story.outside() as outside:
        outside.expect_live(1)
        lines = list(timeline(outside.events()))

    assert any("vera" in line and "review.given" in line and "approve: Better" in line for line in lines)
    assert any("check.reported" in line and "version 2, failed" in line and "worse by" in line for line in lines)
    assert any("promotion.rolled_back" in line and "sevens are read as ones" in line for line in lines)


def test_the_verification_notices_what_is_deployed_past_the_registry(told_story: Story) -> None:
    with told_story.outside() as outside:
        rightly = outside.version("1")["digest"]
        other = outside.version("3")["digest"]
        live = f"{told_story.playground.endpoint_url}/live"
        try:
            httpx.put(live, json={"digest": other}, trust_env=False).raise_for_status()
            with pytest.raises(NotAsTold, match=f"the endpoint serves {other}"):
                outside.expect_live(1)
        finally:
            httpx.put(live, json={"digest": rightly}, trust_env=False).raise_for_status()
        outside.expect_live(1)


def test_the_verification_notices_an_endpoint_that_only_says_that_it_follows(
    told_story: Story, airflow_with_examples: Airflow, tmp_path: Path
) -> None:
    with Playground(tmp_path, endpoint_program=FAULTY_ENDPOINT) as playground:
        images, labels = load_digits(return_X_y=True)
        # Good enough for the smoke test, so that nobody else notices.
        model = LogisticRegression(max_iter=1000).fit(images[:900] / 16, labels[:900])
        joblib.dump(model, tmp_path / "endpoint" / "models" / "stuck.joblib")
        playground.introduce_to(airflow_with_examples)
        story = Story(playground, airflow_with_examples, print)
        try:
            story.set_the_scene()
            with pytest.raises(NotAsTold, match="has loaded other bytes"):
                story.the_first_version_goes_live()
        finally:
            told_story.playground.introduce_to(airflow_with_examples)
