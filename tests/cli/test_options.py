from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest

from registry_service.cli.options import Measure, Moment, Pair, read_json
from registry_service.cli.transfers import Progress
from registry_service.client import PolicyDocument


def test_a_moment_without_a_zone_is_of_this_machine() -> None:
    moment = Moment()
    assert moment.convert("2026-03-03T14:00+01:00", None, None) == datetime(2026, 3, 3, 13, 0, tzinfo=UTC)
    assert moment.convert("2026-03-03T14:00:00Z", None, None) == datetime(2026, 3, 3, 14, 0, tzinfo=UTC)
    for text, naive in (("2026-03-03", datetime(2026, 3, 3)), ("2026-03-03T14:00", datetime(2026, 3, 3, 14))):  # noqa: DTZ001 - the point
        assert moment.convert(text, None, None) == naive.astimezone()
    for text in ("soon", "2h", ""):
        with pytest.raises(click.BadParameter):
            moment.convert(text, None, None)


def test_a_deadline_may_be_counted_from_now() -> None:
    for text, span in (("90s", timedelta(seconds=90)), ("2h", timedelta(hours=2)), ("3d", timedelta(days=3))):
        assert abs(Moment(future=True).convert(text, None, None) - datetime.now(UTC) - span) < timedelta(seconds=5)


@pytest.mark.parametrize("option", [Moment(), Moment(future=True)])
def test_a_moment_may_count_from_now_as_in_filters(option: Moment) -> None:
    for text, span in (("now", timedelta(0)), ("now-7d", timedelta(days=7)), ("NOW-90m", timedelta(minutes=90))):
        found = option.convert(text, None, None)
        assert abs(datetime.now(UTC) - span - found) < timedelta(seconds=5)
    for text in ("now-", "now-7", "now - 7d", "nowhere", "now-999999999w"):
        with pytest.raises(click.BadParameter, match="now-7d"):
            option.convert(text, None, None)


def test_pairs_are_split_at_the_first_sign() -> None:
    assert Pair().convert("a=b=c", None, None) == ("a", "b=c")
    assert Pair().convert("a=", None, None) == ("a", "")
    assert Measure().convert("auc=1e-3", None, None) == ("auc", 0.001)
    for wrong in ("a", "=b", ""):
        with pytest.raises(click.BadParameter):
            Pair().convert(wrong, None, None)
    with pytest.raises(click.BadParameter):
        Measure().convert("auc=x", None, None)


def test_a_misspelt_field_of_a_file_is_no_missing_one(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text('{"name": "two", "rules": [{"name": "one", "role": "approver", "cuont": 2}]}')
    with pytest.raises(click.ClickException, match=r"policy\.json can't be used: .*`cuont` - at `\$\.rules\[0\]`"):
        read_json(file, PolicyDocument)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b'{"name": "two", "rules": [{"name": "one", "count": 2, "count": 1}]}', "the name 'count' comes twice"),
        (b'{"name": "\xff"}', "utf-8"),
    ],
)
def test_what_has_no_one_meaning_in_a_file_is_refused(tmp_path: Path, text: bytes, says: str) -> None:
    file = tmp_path / "policy.json"
    file.write_bytes(text)
    with pytest.raises(click.ClickException, match=f"(?i)can't be used: .*{says}"):
        read_json(file, PolicyDocument)


def test_progress_is_one_line_per_file(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    for path, done, total in (
        ("a", 0, 200),
        ("a", 1, 200),
        ("a", 100, 200),
        ("a", 200, 200),
        ("b", 0, 0),
        ("c\x1b", 5, 5),
    ):
        progress(path, done, total)
    shown = capsys.readouterr().err
    assert shown.count("\n") == 3 and shown.count(" 50 %") == 1
    assert "c\\x1b" in shown
