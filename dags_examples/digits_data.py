"""The data of the examples: 1,797 handwritten digits of 8 by 8 grey values, which scikit-learn brings along.

DAG files import this while they are parsed, so the heavy imports wait until a task calls.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import float64, int64
    from numpy.typing import NDArray

HELD_BACK = 397


def training_data(samples: int) -> tuple[NDArray[float64], NDArray[int64]]:
    """The first `samples` digits, at most 1,400. What is held back is never among them."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    end = min(samples, len(images) - HELD_BACK)
    return images[:end] / 16, labels[:end]


def held_back_data() -> tuple[NDArray[float64], NDArray[int64]]:
    """What no model was trained on: models are compared by it."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return images[-HELD_BACK:] / 16, labels[-HELD_BACK:]


def accuracy(model: Path) -> dict[str, float]:
    """The share of the held-back digits that the model in this file reads correctly."""
    import joblib

    images, labels = held_back_data()
    return {"accuracy": float(joblib.load(model).score(images, labels))}
