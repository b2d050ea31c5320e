"""Where the registry is and who asks: from arguments, the environment, or a file that `login` or `serve` wrote."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from registry_service.client.errors import NotConfigured
from registry_service.domain.strictness import UNDECODABLE

PERSON: Final = "person"

URL: Final = "MODEL_REGISTRY_URL"
TOKEN: Final = "MODEL_REGISTRY_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_FILE: Final = "MODEL_REGISTRY_TOKEN_FILE"  # noqa: S105 - likewise
HOME: Final = "MODEL_REGISTRY_HOME"


class Credentials(msgspec.Struct, frozen=True):
    """Also the form of a credentials file."""

    url: str
    token: str

    def __repr__(self) -> str:
        """Without the token: credentials end up in logs and tracebacks."""
        return f"Credentials(url={self.url!r})"


def find(
    url: str | None = None,
    token: str | None = None,
    *,
    token_file: Path | None = None,
    profile: str = PERSON,
    environment: Mapping[str, str] | None = None,
) -> Credentials:
    """The first of: arguments, the environment, the profile's file.

    A token of a file is only ever sent to the URL that stands beside it.

    :raises NotConfigured: neither says it, or what they say can't be used.
    """

    # The client is used where the service's settings aren't installed.
    environment = os.environ if environment is None else environment  # noqa: TID251
    url = url or environment.get(URL) or None
    if token is None and token_file is not None:
        token = _read_token(token_file)
    if token is None:
        token = environment.get(TOKEN) or None
    if token is None and environment.get(TOKEN_FILE):
        token = _read_token(Path(environment[TOKEN_FILE]))
    if url is None or token is None:
        file = profile_path(profile, environment)
        kept = read_profile(file)
        if kept is not None and (url is None or _normal(url) == _normal(kept.url)):
            url, token = kept.url, token or kept.token
        if url is None or token is None:
            what = "registry" if url is None else f"token for {url}"
            raise NotConfigured(
                f"There is no {what}. Run `model-registry login`, set {URL} and {TOKEN} (or {TOKEN_FILE}), or pass"
                f" them. Looked in {file}."
            )
    return Credentials(_checked_url(url), _checked_token(token))


def stored_credentials(profile: str = PERSON) -> Credentials | None:
    """What `login` or `serve` wrote for a profile (`person`, `airflow`); None where nothing was.

    :raises NotConfigured: the file can't be read.
    """
    return read_profile(profile_path(profile))


def configured_url(profile: str = PERSON) -> str | None:
    """The registry that the environment or a profile names, whether or not there is a token for it."""

    try:
        stored = stored_credentials(profile)
    except NotConfigured:
        stored = None  # damaged: whoever logs in anew writes it anew
    return os.environ.get(URL) or (stored.url if stored else None)  # noqa: TID251 - see find()


def profile_path(profile: str = PERSON, environment: Mapping[str, str] | None = None) -> Path:
    """The credentials file of a profile (`person` for people, `airflow` for Airflow)."""

    if not profile.isascii() or not profile.replace("-", "").replace("_", "").isalnum():
        raise NotConfigured(f"'{profile}' is no profile. Use letters, digits, '-' and '_'.")
    environment = os.environ if environment is None else environment  # noqa: TID251 - see find()
    home = Path(environment[HOME]) if environment.get(HOME) else Path("~/.model-registry").expanduser()
    return home / "credentials" / f"{profile}.json"


def read_profile(file: Path) -> Credentials | None:
    """:raises NotConfigured: the file is there and can't be used."""

    try:
        return msgspec.json.decode(file.read_bytes(), type=Credentials)
    except FileNotFoundError:
        return None
    except (OSError, *UNDECODABLE) as error:
        raise NotConfigured(
            f"{file} can't be read as credentials ({error}). Run `model-registry login` anew."
        ) from error


def write_profile(file: Path, credentials: Credentials) -> None:
    """Keep credentials for this user's eyes only. A reader sees the old file or the new one, never a part."""

    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_secret(file, msgspec.json.format(msgspec.json.encode(credentials)) + b"\n")


def write_secret(file: Path, content: bytes) -> None:
    """Write a file that only its owner can read, from its first moment on (0600)."""

    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def _read_token(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NotConfigured(f"The token file {file} can't be read ({error}).") from error


def _checked_token(token: str) -> str:
    # The message never shows what was given: it may be a secret, only the wrong one.
    if not token.isascii() or not token.isprintable() or " " in token or not token:
        raise NotConfigured("The token has characters that no token has. Give the token alone, on one line.")
    return token


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # brackets without an address in them, or a port beyond 65535
        is_one = False
    if not is_one or parts.query or parts.fragment:
        raise NotConfigured(f"'{url}' is no registry's URL. It looks like https://registry.example.com.")
    if parts.username is not None or parts.password is not None:
        raise NotConfigured("The registry's URL can't carry a user or password. Give a token instead.")
    return _normal(url)


def _normal(url: str) -> str:
    return url.rstrip("/")
