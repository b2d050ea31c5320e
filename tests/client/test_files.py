from __future__ import annotations

import os
from pathlib import Path

import pytest

from registry_service.client import InvalidInput, InvalidPath, collect


def tree(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    return root


def test_a_file_goes_in_under_its_name(tmp_path: Path) -> None:
    (file,) = collect(tree(tmp_path, "deep/model.onnx") / "deep" / "model.onnx")
    assert (file.path, file.media_type) == ("model.onnx", "application/onnx")


def test_a_directory_goes_in_with_all_below_it_in_the_order_of_paths(tmp_path: Path) -> None:
    root = tree(tmp_path / "m", "b.bin", "a/z.json", "a/.hidden", "a-1.txt", ".env")
    assert [file.path for file in collect(root)] == [".env", "a-1.txt", "a/.hidden", "a/z.json", "b.bin"]
    assert [file.path for file in collect(f"{root}{os.sep}")] == [".env", "a-1.txt", "a/.hidden", "a/z.json", "b.bin"]


def test_a_mapping_names_the_paths(tmp_path: Path) -> None:
    root = tree(tmp_path, "out/weights.bin", "card.md")
    found = collect({"model": root / "out", "README.md": str(root / "card.md")})
    assert [(file.path, file.media_type) for file in found] == [
        ("README.md", "text/markdown"),
        ("model/weights.bin", "application/octet-stream"),
    ]


def test_a_link_to_a_file_inside_counts_as_that_file(tmp_path: Path) -> None:
    root = tree(tmp_path / "m", "weights-1.bin")
    (root / "weights.bin").symlink_to("weights-1.bin")
    assert [(file.path, file.source.read_text()) for file in collect(root)] == [
        ("weights-1.bin", "weights-1.bin"),
        ("weights.bin", "weights-1.bin"),
    ]


def test_a_link_that_leads_out_or_to_a_directory_or_nowhere_is_refused(tmp_path: Path) -> None:
    tree(tmp_path, "secret.pem")
    root = tree(tmp_path / "m", "sub/weights.bin")
    for target in (tmp_path / "secret.pem", root / "sub", root / "none", root):
        link = root / "link"
        link.symlink_to(target)
        with pytest.raises(InvalidPath, match="link"):
            collect(root)
        link.unlink()


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    root = tree(tmp_path / "m", "weights.bin")
    os.mkfifo(root / "pipe")
    for path in (root, tmp_path / "none", root / "pipe"):
        with pytest.raises(InvalidPath):
            collect(path)


def test_nothing_is_no_version(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        collect(tmp_path)
    with pytest.raises(InvalidInput):
        collect({})
