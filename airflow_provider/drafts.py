"""What a training task hands over to be registered."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import msgspec
from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider.exceptions import ModelRegistryRefused
from registry_service.client import Metadata, NewLineageEdge, Signature, convert_strictly

T = TypeVar("T")
Files = str | os.PathLike[str] | ObjectStoragePath | Mapping[str, str | os.PathLike[str]]


@dataclass(frozen=True)
class ModelDraft:
    """A version to be: what `@task.register_model` wants returned.

    :param model_name: the model; it is created where there is none of this name.
    :param files: a file, a directory, an `ObjectStoragePath`, or a mapping of the paths in the version to local
        files. The worker that runs the task reads them.
    :param metrics: finite numbers by name; higher is better, unless `metadata` declares the direction.
    :param params: what the version was trained with.
    :param signature: JSON Schemas of inputs and outputs: `{"inputs": …, "outputs": …}`.
    :param tags: may change later; everything else here never does.
    :param framework: such as `pytorch` or `sklearn`.
    :param metadata: all other registered metadata (`format`, `precision`, `directions`, `extra`…), by field.
    :param lineage: what else made it: datasets, parent versions. The DAG run, the task, and where known the code
        commit are added.
    :param description: free text (Markdown).
    :param aliases: aliases to point to the new version, such as `candidate`.
    """

    model_name: str
    files: Files
    metrics: Mapping[str, float] | None = None
    params: Mapping[str, str | int | float | bool] | None = None
    signature: Signature | Mapping[str, Any] | None = None
    tags: Mapping[str, str] | None = None
    framework: str | None = None
    metadata: Metadata | Mapping[str, Any] | None = None
    lineage: Sequence[NewLineageEdge | Mapping[str, Any]] = ()
    description: str = ""
    aliases: Sequence[str] = ()

    def registered_metadata(self) -> Metadata:
        """All metadata in one value.

        :raises ModelRegistryRefused: an unknown field or a value of the wrong type; the message names it.
        """
        metadata = self.metadata
        fields: dict[str, Any] = {}
        if isinstance(metadata, Metadata):
            fields = msgspec.to_builtins(metadata)
        elif metadata is not None:
            fields = dict(metadata)
        if self.metrics is not None:
            fields["metrics"] = {**fields.get("metrics", {}), **{name: float(x) for name, x in self.metrics.items()}}
        if self.params is not None:
            fields["params"] = {**fields.get("params", {}), **self.params}
        if self.signature is not None:
            fields["signature"] = self.signature
        if self.framework is not None:
            fields["framework"] = self.framework
        return _converted(fields, Metadata)

    def registered_lineage(self) -> list[NewLineageEdge]:
        """The edges that the task names itself.

        :raises ModelRegistryRefused: an edge that can't be understood.
        """
        return [_converted(edge, NewLineageEdge) for edge in self.lineage]


@contextmanager
def local_files(files: Files) -> Iterator[str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]]]:
    """The files as local ones; what is in an object store is fetched for the time of the block."""
    if not isinstance(files, ObjectStoragePath):
        yield files
        return
    if files.protocol in ("file", "local", ""):
        yield Path(files.path)
        return
    with TemporaryDirectory(prefix="model-") as directory:
        target = Path(directory) / (files.name or "model")
        files.fs.get(files.path, str(target), recursive=files.is_dir())
        yield target


def _converted(value: object, target: type[T]) -> T:
    try:
        return convert_strictly(value, target, from_attributes=True)
    except msgspec.ValidationError as error:
        raise ModelRegistryRefused(f"The draft's {target.__name__} can't be understood: {error}") from error
