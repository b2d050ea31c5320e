"""Train a model every day; once somebody has approved it, make it current in production."""

from pathlib import Path
from tempfile import mkdtemp

from airflow.sdk import dag, task

from airflow_provider.operators.promotions import PromoteModelOperator
from airflow_provider.sdk import ModelDraft
from airflow_provider.sensors.approvals import ModelApprovedSensor


@dag(schedule="@daily", catchup=False)
def quickstart() -> None:
    @task.register_model
    def train() -> ModelDraft:
        import joblib
        from sklearn.datasets import load_wine
        from sklearn.ensemble import RandomForestClassifier

        features, cultivars = load_wine(return_X_y=True)
        forest = RandomForestClassifier(oob_score=True, random_state=0).fit(features, cultivars)
        joblib.dump(forest, path := Path(mkdtemp()) / "forest.joblib")
        return ModelDraft("wine", files=path, metrics={"accuracy": forest.oob_score_})

    approved = ModelApprovedSensor(task_id="approved", version=train(), stage="production", deferrable=True)
    PromoteModelOperator(task_id="promote", promotion=approved.output)


quickstart()
