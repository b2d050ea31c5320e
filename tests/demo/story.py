"""The story of three versions: the first goes live, the second is refused, the third is rolled back; and then what is
served is followed back to all that answers for it.

People act by `model-registry`, each with their own token; machines act in Airflow, by the DAGs of `dags_examples/`.
After each step the servers are asked what is true, by a reader who had no part in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import httpx

from tests.airflow.rest import AirflowApi, AirflowFailure
from tests.demo.outside import NotAsTold, Outside
from tests.demo.playground import CommandFailed, Playground

MODEL = "digits"
APPROVER = "vera"
READER = "dashboard"
DATASET = "sklearn.datasets.load_digits"
DAGS = ("train_and_register", "gate_and_deploy", "rollback_on_alert", "batch_scoring")

# On top of `team`: whatever people say, the machine's comparison has to have passed.
EVALUATED = {
    "name": "evaluated",
    "description": "The evaluation check must have passed.",
    "nobody_need_review": True,
    "checks": [{"name": "evaluation"}],
}


def commit(version: int) -> str:
    """The commit whose code trains it, as whoever starts the training says."""
    return hashlib.sha1(f"{MODEL} {version}".encode(), usedforsecurity=False).hexdigest()


class Story:
    """Tells the chapters in their order.

    :param airflow: runs the DAGs of `dags_examples/`, and is introduced to the playground.
    :param say: is told each line as it comes true.
    """

    def __init__(self, playground: Playground, airflow: AirflowApi, say: Callable[[str], None]) -> None:
        self.playground = playground
        self.airflow = airflow
        self.say = say
        self.approver: Path | None = None
        self.reader: Path | None = None

    def tell(self) -> None:
        """All of it.

        :raises NotAsTold: the servers say something else.
        :raises AirflowFailure: a run ended otherwise than it should; the message has the log.
        :raises CommandFailed: a command was refused that shouldn't have been.
        """
        self.set_the_scene()
        self.the_first_version_goes_live()
        self.a_worse_one_is_refused()
        self.a_better_one_replaces_it()
        self.an_alert_brings_the_first_one_back()
        self.what_is_served_is_followed_back()

    @contextmanager
    def outside(self) -> Iterator[Outside]:
        """The independent reader."""
        assert self.reader is not None
        with Outside(
            registry_url=self.playground.registry_url,
            token=self.reader.read_text().strip(),
            endpoint_url=self.playground.endpoint_url,
            model=MODEL,
        ) as outside:
            yield outside

    # chapters

    def set_the_scene(self) -> None:
        self.approver = self.playground.add_principal(APPROVER, "approver")
        self.reader = self.playground.add_principal(READER, "reader", kind="service")
        document = self.playground.directory / "evaluated.json"
        document.write_text(json.dumps(EVALUATED, indent=2))
        self.playground.command("policies", "write", str(document))
        for policy in ("team", "evaluated"):
            self.playground.command("policies", "use", policy, "--model", MODEL, "--stage", "production")
        with self.outside() as outside:
            attached = outside.ask("/policies/attachments")["items"]
            demanded = {item["policy"] for item in attached if item["model_pattern"] == MODEL}
            outside.expect(demanded == {"team", "evaluated"}, f"production of {MODEL} demands {sorted(demanded)}")
            outside.expect(outside.served()["digest"] is None, "the endpoint serves something already")
        for dag_id in DAGS:
            self.airflow.unpause(dag_id)
        self.say(f"production of '{MODEL}' asks for a second person and a passed evaluation")

    def the_first_version_goes_live(self) -> None:
        gate = self.train(400, version=1)
        self.wait_at_the_gate(gate, version=1)
        with self.outside() as outside:
            outside.expect_phase(1, "PENDING")
            outside.expect_vacant()
            outside.expect(outside.newest_check(1, "evaluation")["status"] == "passed", "the evaluation didn't pass")
        self.say("version 1 is evaluated, and waits for a person; nothing is live yet")

        self.own_approval_is_refused(1)
        self.approve(1, "The confusion matrix looks right.")
        self.finish(gate)
        with self.outside() as outside:
            digest = outside.expect_live(1)
            promotion = outside.expect_phase(1, "APPLIED")
            approved_by = [review["reviewer"] for review in promotion["reviews"] if review["verdict"] == "approve"]
            outside.expect(approved_by == [APPROVER], f"approved by {approved_by}")
            outside.expect(promotion["digest"] == digest, "what was approved isn't what is live")
            outside.expect_observed(digest)
        self.say(f"version 1 is live: approved by {APPROVER}, deployed, observed, promoted, smoke-tested")

    def a_worse_one_is_refused(self) -> None:
        gate = self.train(100, version=2)
        self.airflow.wait_for_run("gate_and_deploy", gate, expected="failed", timeout=180)
        states = self.airflow.task_states("gate_and_deploy", gate)
        if (states["evaluate"], states["approved"], states["deploy"]) != ("success", "failed", "upstream_failed"):
            raise NotAsTold(f"the gate of version 2 ended as {states}")
        with self.outside() as outside:
            check = outside.newest_check(2, "evaluation")
            outside.expect(check["status"] == "failed", f"the evaluation of version 2 {check['status']}")
            outside.expect_live(1)
            promotion = outside.newest_promotion(2)
            outside.expect(promotion is not None and promotion["applied_at"] is None, "version 2 was applied")
            reasons = [reason["code"] for reason in promotion["decision"]["reasons"]] if promotion else []
            outside.expect("check_failed" in reasons, f"version 2 is kept out by {reasons}, not by its check")
        self.say(f"version 2 is refused, and version 1 stays: {check['summary']}")

    def a_better_one_replaces_it(self) -> None:
        gate = self.train(1400, version=3)
        self.wait_at_the_gate(gate, version=3)
        self.the_reviewer_compares_and_asks(3)
        self.approve(3, "Better on the held-back digits, and no class got worse.")
        self.finish(gate)
        with self.outside() as outside:
            digest = outside.expect_live(3)
            outside.expect_observed(digest)
            replaced = outside.expect_phase(3, "APPLIED")["replaces"]
            outside.expect(replaced == 1, f"version 3 replaced {replaced}, not 1")
        self.say("version 3 is approved, deployed and promoted; it replaces version 1")

    def an_alert_brings_the_first_one_back(self) -> None:
        alert = {"version": 3, "reason": "alert: sevens are read as ones since the new scanner"}
        with self.outside() as outside:
            was_live_since = datetime.fromisoformat(outside.stage()["since"])
        self.finish(self.airflow.trigger("rollback_on_alert", conf=alert), dag_id="rollback_on_alert")
        with self.outside() as outside:
            outside.expect_observed(outside.expect_live(1))
            stage = outside.stage()
            outside.expect(stage["failed"] == [3], f"marked as failed in production: {stage['failed']}")
            outside.expect(stage["hold"] is not None, "production isn't held")
            then = outside.stage(as_of=was_live_since)["version"]
            outside.expect(then == 3, f"asked what was live before, the registry says version {then}")
            reasons = [event["data"].get("reason") for event in outside.events() if event["kind"] == "stage.moved"]
            outside.expect(reasons[-1] == alert["reason"], f"the log says why: {reasons[-1]}")
        self.say("an alert fires: version 1 is current again, the endpoint followed, and nothing enters for 12 hours")

        again = self.airflow.trigger("rollback_on_alert", conf=alert)
        self.airflow.wait_for_run("rollback_on_alert", again, expected="failed")
        log = self.airflow.task_log("rollback_on_alert", again, "roll_back")
        if "nothing to roll back" not in log.lower():
            raise NotAsTold(f"the second alert failed for another reason:\n{log}")
        with self.outside() as outside:
            outside.expect_live(1)
        self.say("the same alert fires again: there is nothing to roll back, and nothing changes")

    def what_is_served_is_followed_back(self) -> None:
        """One call from the digest that the endpoint says to run, commit, data and approvers; and one back."""
        with self.outside() as outside:
            digest = outside.served()["digest"]
        printed = self.playground.command("provenance", digest, token_file=self.approver)
        with self.outside() as outside:
            [found] = outside.ask(f"/provenance/{digest}")["items"]
            outside.expect(found["version"]["number"] == 1, f"{digest} leads to version {found['version']['number']}")
            edges = {edge["kind"]: edge["ref"] for edge in found["version"]["lineage"]}
            run = edges.get("dag_run", "no run")
            outside.expect(run.startswith("train_and_register/"), f"version 1 came of {run}")
            outside.expect(edges.get("code_commit") == commit(1), f"made by commit {edges.get('code_commit')}")
            outside.expect(edges.get("dataset") == DATASET, f"made of {edges.get('dataset')}")
            applied = [promotion for promotion in found["promotions"] if promotion["phase"] == "APPLIED"]
            approvers = {
                one["reviewer"] for promotion in applied for one in promotion["reviews"] if one["verdict"] == "approve"
            }
            outside.expect(approvers == {APPROVER}, f"approved by {sorted(approvers)}")
            changes = [spell["change"] for spell in sorted(found["spells"], key=lambda spell: spell["since"])]
            outside.expect(changes == ["promoted", "rolled_back"], f"version 1 came to production by {changes}")
            for told in (run, commit(1), DATASET, f"approve by {APPROVER}"):
                outside.expect(told in printed, f"the command doesn't tell {told}:\n{printed}")
            back = outside.ask("/lineage", {"kind": "code_commit", "ref": commit(1)})["items"]
            outside.expect([one["version"] for one in back] == [1], f"the commit leads to {back}")
            made = outside.ask("/lineage", {"kind": "dataset", "ref": DATASET})["items"]
            outside.expect({one["version"] for one in made} == {1, 2, 3}, f"the data leads to {made}")
        self.say(
            f"what the endpoint serves leads in one call to {run}, commit {commit(1)[:7]}, its data and {APPROVER};"
            " and the commit leads back to version 1"
        )

    # steps

    def the_reviewer_compares_and_asks(self, version: int) -> None:
        """Side by side with what is live; and a word to whom it concerns, where it stays with the request."""
        sides = (f"{MODEL}/@production", f"{MODEL}/{version}")
        printed = self.playground.command("versions", "compare", *sides, token_file=self.approver)
        with self.outside() as outside:
            compared = outside.ask("/compare", {"versions": ",".join(sides)})
            [metric] = compared["metrics"]
            before, after = (outside.version(one)["metadata"] for one in ("@production", str(version)))
            outside.expect(
                metric["values"] == [side["metrics"][metric["name"]] for side in (before, after)],
                f"side by side {metric['name']} is {metric['values']}",
            )
            [samples] = [one["values"] for one in compared["params"] if one["name"] == "samples"]
            outside.expect(samples == [side["params"]["samples"] for side in (before, after)], f"samples: {samples}")
            outside.expect(metric["name"] in printed, f"the comparison doesn't show {metric['name']}:\n{printed}")
            promotion = outside.newest_promotion(version)
        assert promotion is not None, "the gate waits for it"
        self.say(
            f"{APPROVER} compares version {version} with production: {metric['name']}"
            f" {metric['values'][0]:.3f} → {metric['values'][1]:.3f}, on {samples[0]} → {samples[1]} digits"
        )
        person = self.playground.person
        question = f"@{person}, are the new scanner's digits among these?"
        self.playground.command(
            "comments", "add", "--promotion", promotion["id"], question, token_file=self.approver
        )  # fmt: skip
        inbox = json.loads(self.playground.command("--json", "inbox"))
        answer = f"@{APPROVER}, yes: since March."
        self.playground.command("comments", "add", "--promotion", promotion["id"], answer)
        with self.outside() as outside:
            mentions = [mention["comment"]["text"] for mention in inbox["mentions"]]
            outside.expect(question in mentions, f"{person} finds in the inbox only {mentions}")
            said = outside.ask(f"/promotions/{promotion['id']}/comments")["items"]
            told = [(one["author"], one["text"], one["mentions"]["people"]) for one in said]
            wanted = [(APPROVER, question, [person]), (person, answer, [APPROVER])]
            outside.expect(told == wanted, f"the promotion's comments are {told}")
        self.say(f"{APPROVER} asks {person}, who finds it in the inbox and answers; it stays with the request")

    def train(self, samples: int, *, version: int) -> str:
        """Run the training; the run of the gate that its version starts."""
        conf = {"samples": samples, "code_commit": commit(version)}
        before = {run.dag_run_id for run in self.airflow.runs("gate_and_deploy")}
        self.finish(self.airflow.trigger("train_and_register", conf=conf), dag_id="train_and_register")
        with self.outside() as outside:
            outside.expect(outside.version("latest")["number"] == version, f"version {version} isn't there")
        started = self.airflow.wait_until(
            lambda: [run.dag_run_id for run in self.airflow.runs("gate_and_deploy") if run.dag_run_id not in before],
            bool,
            60,
            lambda: f"version {version} is registered, and gate_and_deploy didn't start",
        )
        self.say(f"version {version} is trained on {samples} digits and registered; its gate has started")
        return started[0]

    def wait_at_the_gate(self, gate: str, *, version: int) -> None:
        self.airflow.wait_for_task("gate_and_deploy", gate, "approved", "deferred", timeout=120)
        waiting_for = self.airflow.xcom("gate_and_deploy", gate, "evaluate")
        if not isinstance(waiting_for, Mapping) or waiting_for["version"] != version:
            raise NotAsTold(f"the gate waits for {waiting_for}, not for version {version}")

    def own_approval_is_refused(self, version: int) -> None:
        try:
            self.playground.command("approve", f"{MODEL}/{version}", "--stage", "production", "--yes")
        except CommandFailed as refused:
            with self.outside() as outside:
                outside.expect_phase(version, "PENDING")
            self.say(f"who owns the work may not approve it: {str(refused).partition('Error: ')[2].splitlines()[0]}")
        else:
            raise NotAsTold("somebody's approval of their own work was taken")

    def approve(self, version: int, comment: str) -> None:
        self.playground.command(
            "approve", f"{MODEL}/{version}", "--stage", "production", "--comment", comment, "--yes",
            token_file=self.approver,
        )  # fmt: skip
        self.say(f"{APPROVER} approves version {version}: {comment}")

    def finish(self, run_id: str, *, dag_id: str = "gate_and_deploy") -> None:
        try:
            self.airflow.wait_for_run(dag_id, run_id, timeout=180)
        except AirflowFailure as failure:
            raise AirflowFailure(f"{failure}\n{self.playground.tails()}") from failure


TELLING = (NotAsTold, AirflowFailure, CommandFailed, httpx.HTTPError)
"""How a story that isn't true ends."""
