"""The registries that somebody knows by name: a file of one's own, `config.json` in `MODEL_REGISTRY_HOME`."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from registry_service.client.errors import NotConfigured
from registry_service.client.secrets import read_token, write_secret
from registry_service.domain.strictness import UNDECODABLE

HOME: Final = "MODEL_REGISTRY_HOME"
MAX_REGISTRIES: Final = 200
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class KnownRegistry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where one is, and what to say there: a token kept here, or a file that holds it; `ca_file` has the authorities
    that vouch for it."""

    url: str
    token: str | None = None
    token_file: str | None = None
    ca_file: str | None = None

    def __repr__(self) -> str:
        """Without the token: it would end up in logs and tracebacks."""
        return f"KnownRegistry(url={self.url!r})"

    def secret(self) -> str | None:
        """The token, kept here or in the file.

        :raises NotConfigured: the file can't be read, or others can read it too.
        """

        if self.token is not None or self.token_file is None:
            return self.token
        file = Path(self.token_file)
        check_private(file)
        return read_token(file)

    @property
    def kept(self) -> str | None:
        """Where its token is, in words."""
        if self.token is not None:
            return "stored"
        return None if self.token_file is None else f"in {self.token_file}"


class Registries(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`use` names the one that is asked where nothing else says which."""

    registries: dict[str, KnownRegistry] = {}
    use: str | None = None

    def named(self, name: str) -> KnownRegistry:
        """:raises NotConfigured: none has this name."""

        if name not in self.registries:
            known = ", ".join(sorted(self.registries)) or "none yet"
            raise NotConfigured(
                f"No registry is known as '{name}' (known: {known}). Add it: model-registry config add {name} URL"
            )
        return self.registries[name]

    def with_one(self, name: str, registry: KnownRegistry) -> Registries:
        check_word(name, "registry")
        if len(self.registries) >= MAX_REGISTRIES and name not in self.registries:
            raise NotConfigured(f"No more than {MAX_REGISTRIES} registries are kept. Remove one first.")
        return msgspec.structs.replace(self, registries={**self.registries, name: registry})

    def without(self, name: str) -> Registries:
        """:raises NotConfigured: none has this name."""
        self.named(name)
        left = {other: one for other, one in self.registries.items() if other != name}
        return Registries(registries=left, use=None if self.use == name else self.use)

    def using(self, name: str | None) -> Registries:
        """:raises NotConfigured: none has this name."""
        if name is not None:
            self.named(name)
        return msgspec.structs.replace(self, use=name)


def own(environment: Mapping[str, str] | None) -> Mapping[str, str]:
    # The client is used where the service's settings aren't installed.
    return os.environ if environment is None else environment  # noqa: TID251


def home(environment: Mapping[str, str]) -> Path:
    return Path(environment[HOME]) if environment.get(HOME) else Path("~/.model-registry").expanduser()


def config_path(environment: Mapping[str, str] | None = None) -> Path:
    return home(own(environment)) / "config.json"


def read_registries(file: Path) -> Registries:
    """What the file says; nothing where there is none.

    :raises NotConfigured: it can't be used, or others than its owner can read it.
    """

    try:
        check_private(file)
        return msgspec.json.decode(file.read_bytes(), type=Registries)
    except FileNotFoundError:
        return Registries()
    except (OSError, *UNDECODABLE) as error:
        raise NotConfigured(
            f"{file} can't be read as the list of registries ({error}). Mend it, or move it away."
        ) from error


def change_registries(file: Path, change: Callable[[Registries], Registries]) -> Registries:
    """Write what the change makes of it, whole and for its owner alone. Whoever changes it at the same time waits.

    :raises NotConfigured: it can't be used as it is; then nothing is written.
    """

    import fcntl  # noqa: PLC0415 - only here, and not everywhere where clients run

    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(file.with_suffix(".lock"), os.O_WRONLY | os.O_CREAT, 0o600), "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        changed = change(read_registries(file))
        write_secret(file, msgspec.json.format(msgspec.json.encode(changed)) + b"\n")
        return changed


def check_private(file: Path) -> None:
    """:raises NotConfigured: others than its owner can read or write it.
    :raises FileNotFoundError: it isn't there.
    """

    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & _OTHERS:
        raise NotConfigured(
            f"{file} is open to others (mode {mode:04o}), and what it holds is a secret. Close it: chmod 600 {file}"
        )


def check_word(name: str, what: str) -> None:
    """:raises NotConfigured: more than letters, digits, '-' and '_'."""
    if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        raise NotConfigured(f"'{name}' is no {what}. Use letters, digits, '-' and '_'.")
