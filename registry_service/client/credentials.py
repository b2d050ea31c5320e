"""Where the registry is and who asks: from arguments, the environment, the list of known registries, or a file that
`login` or `serve` wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
from msgspec import structs

from registry_service.client.errors import NotConfigured
from registry_service.client.registries import check_word, config_path, home, own, read_registries
from registry_service.client.secrets import read_token, write_secret
from registry_service.domain.strictness import UNDECODABLE

PERSON: Final = "person"

URL: Final = "MODEL_REGISTRY_URL"
TOKEN: Final = "MODEL_REGISTRY_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_FILE: Final = "MODEL_REGISTRY_TOKEN_FILE"  # noqa: S105 - likewise
NAME: Final = "MODEL_REGISTRY_NAME"


class Credentials(msgspec.Struct, frozen=True, omit_defaults=True):
    """Also the form of a credentials file. `ca_file` has the authorities that vouch for the registry, where it isn't
    those of the system."""

    url: str
    token: str
    ca_file: str | None = None

    def __repr__(self) -> str:
        """Without the token: credentials end up in logs and tracebacks."""
        return f"Credentials(url={self.url!r})"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What the places say that are looked at, and which place said it."""

    url: str | None = None
    url_from: str | None = None
    token: str | None = None
    token_from: str | None = None
    ca_file: str | None = None

    def __repr__(self) -> str:
        return f"Found(url={self.url!r}, url_from={self.url_from!r}, token_from={self.token_from!r})"

    def beside(self, url: str, place: str, secret: Callable[[], str | None], ca_file: str | None = None) -> Found:
        """With what stands beside a URL, if that is the one looked for: its token is only ever sent there."""

        if self.url is not None and _normal(self.url) != _normal(url):
            return self
        found = structs.replace(
            self, url=self.url or url, url_from=self.url_from or place, ca_file=self.ca_file or ca_file
        )
        if found.token is None and (token := secret()) is not None:
            found = structs.replace(found, token=token, token_from=place)
        return found


def find(
    url: str | None = None,
    token: str | None = None,
    *,
    token_file: Path | None = None,
    registry: str | None = None,
    profile: str = PERSON,
    environment: Mapping[str, str] | None = None,
) -> Credentials:
    """The first of: arguments, the environment, the registry that was chosen, the profile's file. `registry` is an
    argument that names a known one.

    A token of a file is only ever sent to the URL that stands beside it, and one of the environment to the URL that the
    environment names, if it names one.

    :raises NotConfigured: none says it, or what they say can't be used.
    """

    environment = own(environment)
    found = search(url, token, token_file=token_file, registry=registry, profile=profile, environment=environment)
    if found.url is None or found.token is None:
        what = "registry" if found.url is None else f"token for {found.url}"
        looked = [config_path(environment), profile_path(profile, environment)]
        login = f"model-registry --registry {registry} login" if registry else "model-registry login"
        raise NotConfigured(
            f"There is no {what}. Run `{login}`, set {URL} and {TOKEN} (or {TOKEN_FILE}), or pass them."
            f" Looked in {' and '.join(map(str, looked))}."
        )
    return Credentials(checked_url(found.url), _checked_token(found.token), found.ca_file)


def search(
    url: str | None = None,
    token: str | None = None,
    *,
    token_file: Path | None = None,
    registry: str | None = None,
    profile: str = PERSON,
    environment: Mapping[str, str] | None = None,
) -> Found:
    """What `find` finds, and where, also where something is missing."""

    environment = own(environment)
    if token is None and token_file is not None:
        token = read_token(token_file)
    found = Found(
        url=url or None,
        url_from="arguments" if url else None,
        token=token,
        token_from=None if token is None else "arguments",
    )
    if registry is not None:
        known = read_registries(config_path(environment)).named(registry)
        if url and _normal(url) != _normal(known.url):
            raise NotConfigured(f"'{registry}' is at {known.url}, not at {url}. Give one of both.")
        found = found.beside(known.url, f"registry '{registry}'", known.secret, known.ca_file)
    there = environment.get(URL)
    # The environment's token is for the registry that it names, and for no other.
    elsewhere = there and found.url is not None and _normal(there) != _normal(found.url)
    if found.url is None and there:
        found = structs.replace(found, url=there, url_from=URL)
    if found.token is None and not elsewhere:
        found = _token_of(environment, found)
    if registry is None and (found.url is None or found.token is None):
        name = chosen_registry(profile, environment)
        if name is not None:
            known = read_registries(config_path(environment)).named(name)
            found = found.beside(known.url, f"registry '{name}'", known.secret, known.ca_file)
    if found.url is None or found.token is None:
        file = profile_path(profile, environment)
        kept = read_profile(file)
        if kept is not None:
            found = found.beside(kept.url, str(file), lambda: kept.token)
    return found


def chosen_registry(profile: str = PERSON, environment: Mapping[str, str] | None = None) -> str | None:
    """The name of the registry that the environment, or else `config use` chose. They are people's: what Airflow asks
    doesn't change with what somebody works on.

    :raises NotConfigured: the list of registries can't be read.
    """

    environment = own(environment)
    if profile != PERSON:
        return None
    return environment.get(NAME) or read_registries(config_path(environment)).use


def _token_of(environment: Mapping[str, str], found: Found) -> Found:
    if environment.get(TOKEN):
        return structs.replace(found, token=environment[TOKEN], token_from=TOKEN)
    if environment.get(TOKEN_FILE):
        return structs.replace(found, token=read_token(Path(environment[TOKEN_FILE])), token_from=TOKEN_FILE)
    return found


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
    return own(None).get(URL) or (stored.url if stored else None)


def profile_path(profile: str = PERSON, environment: Mapping[str, str] | None = None) -> Path:
    """The credentials file of a profile (`person` for people, `airflow` for Airflow)."""

    check_word(profile, "profile")
    environment = own(environment)
    return home(environment) / "credentials" / f"{profile}.json"


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


def _checked_token(token: str) -> str:
    # The message never shows what was given: it may be a secret, only the wrong one.
    if not token.isascii() or not token.isprintable() or " " in token or not token:
        raise NotConfigured("The token has characters that no token has. Give the token alone, on one line.")
    return token


def checked_url(url: str) -> str:
    """The URL, in one form.

    :raises NotConfigured: it is none, or says more than where the registry is.
    """

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
