"""Versions on the local disk, by content digest: downloaded once, verified at each use, there when the registry isn't.

    <directory>/<first two>/<hex of the digest>/manifest.json    which files, with their digests and sizes
    <directory>/<first two>/<hex of the digest>/files/…          the files

An entry appears by one rename, complete or not at all. Several tasks may fetch the same version at once.
"""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from airflow.providers.common.compat.sdk import conf

from airflow_provider.exceptions import CacheDamaged, ModelRegistryRefused
from airflow_provider.hooks.registry import ModelRegistryHook
from airflow_provider.references import VersionReference
from registry_service.client import Manifest, ModelVersion, Unavailable, VersionStatus

log = logging.getLogger(__name__)

DIGEST: Final = re.compile(r"sha256:([0-9a-f]{64})")
# A download that lives longer than this belongs to a worker that died.
ABANDONED_AFTER: Final = 24 * 3600.0


class ModelCache:
    """A directory of versions.

    :param directory: where; None: `[model_registry] cache_directory`, by default in Airflow's home.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or Path(conf.get("model_registry", "cache_directory")).expanduser()

    def find(self, digest: str) -> Path | None:
        """The files of a version, verified just now; None if they aren't here. A damaged entry is removed."""
        entry = self._entry(digest)
        try:
            manifest = msgspec.json.decode((entry / "manifest.json").read_bytes(), type=Manifest)
        except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        files = entry / "files"
        if manifest.digest == digest and all(_is_intact(files, file.path, file.digest) for file in manifest.files):
            return served_path(files, manifest)
        log.warning("The cached files of %s are damaged; they are removed", digest)
        shutil.rmtree(entry, ignore_errors=True)
        return None

    def fetch(self, hook: ModelRegistryHook, reference: VersionReference) -> Path:
        """The files of a version, downloaded if they aren't here yet.

        While the registry answers, it is asked whether the version has been revoked since. While it doesn't, a
        version that is already here is served from here.

        :raises VersionRevoked: the version may no longer be used.
        :raises RegistryUnreachable: the registry is away and the version isn't here.
        """
        digest = reference["digest"]
        here = self.find(digest)
        try:
            version = hook.client.get_version(reference["model_name"], str(reference["version"]))
            refuse_revoked(version)
        except Unavailable as away:
            if here is None:
                raise
            log.warning("The registry is away (%s); %s is served from the cache", away.message, digest)
            return here
        if here is not None:
            return here
        self._download(hook, reference)
        fetched = self.find(digest)
        if fetched is None:
            raise CacheDamaged(
                f"{digest} was downloaded to {self.directory} and can't be read back. Is the disk sound?"
            )
        return fetched

    def _download(self, hook: ModelRegistryHook, reference: VersionReference) -> None:
        model_name, selector, digest = reference["model_name"], str(reference["version"]), reference["digest"]
        entry = self._entry(digest)
        entry.parent.mkdir(parents=True, exist_ok=True)
        self._clear_abandoned(entry.parent)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=entry.parent))
        try:
            manifest = hook.client.get_manifest(model_name, selector)
            if manifest.digest != digest:
                raise ModelRegistryRefused(
                    f"{model_name} version {selector} has digest {manifest.digest}, and {digest} was expected."
                )
            hook.client.download(model_name, selector, partial / "files")
            (partial / "manifest.json").write_bytes(msgspec.json.encode(manifest))
            _place(partial, entry)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _entry(self, digest: str) -> Path:
        match = DIGEST.fullmatch(digest)
        if match is None:
            raise ModelRegistryRefused(f"{digest!r} is no content digest; it looks like sha256:<64 hex digits>.")
        return self.directory / match[1][:2] / match[1]

    @staticmethod
    def _clear_abandoned(parent: Path) -> None:
        for partial in parent.glob(".partial-*"):
            try:
                if time.time() - partial.stat().st_mtime > ABANDONED_AFTER:
                    shutil.rmtree(partial, ignore_errors=True)
            except FileNotFoundError:
                continue  # its download ended meanwhile


class ModelFiles:
    """A version with its files: an `os.PathLike` whose files are fetched when they are first asked for.

    `path` is the file itself where the version holds exactly one, else the directory with all of them.
    """

    def __init__(self, reference: VersionReference, fetch: Callable[[VersionReference], Path]) -> None:
        self.reference = reference
        self._fetch = fetch
        self._path: Path | None = None

    @property
    def model_name(self) -> str:
        return self.reference["model_name"]

    @property
    def version(self) -> int:
        return self.reference["version"]

    @property
    def digest(self) -> str:
        return self.reference["digest"]

    @property
    def url(self) -> str:
        return self.reference["url"]

    @property
    def path(self) -> Path:
        """The verified local files; downloaded at the first use."""
        if self._path is None:
            self._path = self._fetch(self.reference)
        return self._path

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return f"{self.model_name} version {self.version} ({self.digest})"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


def refuse_revoked(version: ModelVersion) -> None:
    """Keep a revoked version from being used, also where its bytes are at hand.

    :raises ModelRegistryRefused: the version is revoked; the message says by whom and why.
    """
    if version.status is VersionStatus.REVOKED:
        revoked = version.revoked
        why = f" by {revoked.by}: {revoked.reason}" if revoked else ""
        raise ModelRegistryRefused(
            f"{version.model_name} version {version.number} was revoked{why}.", "version_revoked"
        )


def served_path(files: Path, manifest: Manifest) -> Path:
    """The file itself where there is exactly one, else the directory: what one file was registered from comes back
    as one file.
    """
    return files / manifest.files[0].path if len(manifest.files) == 1 else files


def _is_intact(files: Path, path: str, digest: str) -> bool:
    try:
        with (files / path).open("rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}" == digest
    except OSError:
        return False


def _place(partial: Path, entry: Path) -> None:
    """Make the entry appear. If another task was faster, its entry stays."""
    try:
        partial.rename(entry)
    except OSError:
        if not entry.is_dir():
            raise
