"""Train, register, and leave the rest to others: `gate_and_deploy` starts when a version of the model is there."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp

from airflow.sdk import Param, dag, task
from digits_data import training_data

from airflow_provider.sdk import ModelDraft


@dag(
    schedule="@weekly",
    catchup=False,
    params={"samples": Param(1400, type="integer", minimum=20, description="How many digits to learn from")},
    tags=["model registry"],
)
def train_and_register() -> None:
    @task.register_model(model_name="digits", retries=2)
    def train(samples: str) -> ModelDraft:
        """A retry after the registration answers with the version that is there, and doesn't train again."""
        import joblib
        import sklearn
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import cross_val_score

        images, labels = training_data(int(samples))
        reader = LogisticRegression(max_iter=1000)
        estimated = cross_val_score(reader, images, labels, cv=2).mean()
        path = Path(mkdtemp()) / "digits.joblib"
        joblib.dump(reader.fit(images, labels), path)
        return ModelDraft(
            "digits",
            files=path,
            metrics={"cross_validated_accuracy": estimated},
            params={"samples": len(images), "max_iter": reader.max_iter},
            signature={
                "inputs": {"type": "array", "items": {"type": "number"}, "minItems": 64, "maxItems": 64},
                "outputs": {"type": "integer", "minimum": 0, "maximum": 9},
            },
            framework="sklearn",
            metadata={"framework_version": sklearn.__version__, "format": "joblib", "task": "classification"},
            lineage=[{"kind": "dataset", "ref": "sklearn.datasets.load_digits", "details": {"split": "first 1400"}}],
        )

    train("{{ params.samples }}")


train_and_register()
