from __future__ import annotations

import pytest

from registry_service.web.ui.markdown import plain


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Finds *fraud*.", "Finds fraud."),
        ("# Fraud\n\nScores `amount` by [rules](https://x.example/)\nand ![a plot](https://x.example/y.png).",
         "Fraud Scores amount by rules and a plot."),
        ("| slice | auc |\n| --- | --- |\n| online | 0.94 |\n\n```\ncode\n```", "slice auc online 0.94 code"),
        ("cut **in the mid", "cut **in the mid"),
        ("<b>kept</b> \u202eas text", "<b>kept</b> \\x202eas text"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_words_of_a_text_are_left(text: str, words: str) -> None:
    assert plain(text) == words
