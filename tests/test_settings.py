from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from registry_service.domain.errors import InvalidInput
from registry_service.settings import (
    VARIABLES,
    BucketAddress,
    Settings,
    check_settings,
    read_settings,
    s3_secret,
)

DOCS = Path(__file__).parents[1] / "docs" / "settings.md"


def test_everything_has_a_default_for_one_person_on_one_machine() -> None:
    settings = read_settings({})
    home = Path.home() / ".model-registry"
    assert settings == Settings(home=home, database_url=f"sqlite:///{home}/registry.db", artifacts=home / "artifacts")
    assert settings.is_loopback and settings.base_url == "http://127.0.0.1:8470"
    assert settings.host_names == {"127.0.0.1", "localhost", "::1"}


def test_every_setting_is_a_variable_and_stands_in_the_docs_with_its_default() -> None:
    assert set(VARIABLES) == {f"MODEL_REGISTRY_{name.upper()}" for name in Settings.__struct_fields__}
    documented = re.findall(r"^\| `(MODEL_REGISTRY_\w+)` \|", DOCS.read_text(), re.MULTILINE)
    assert tuple(documented) == VARIABLES


def test_what_is_set_is_read() -> None:
    settings = read_settings(
        {
            "MODEL_REGISTRY_HOME": "/srv/registry",
            "MODEL_REGISTRY_DATABASE_URL": "postgresql://registry@db/registry",
            "MODEL_REGISTRY_HOST": "0.0.0.0",
            "MODEL_REGISTRY_PORT": "443",
            "MODEL_REGISTRY_PUBLIC_URL": "https://Models.example.org/",
            "MODEL_REGISTRY_ALLOWED_HOSTS": "registry, registry.internal ,",
            "MODEL_REGISTRY_BEHIND_PROXY": "10.0.0.0/8",
            "MODEL_REGISTRY_LOG": "json",
            "MODEL_REGISTRY_PERSON": "",
        }
    )
    assert settings.artifacts == Path("/srv/registry/artifacts")
    assert settings.base_url == "https://Models.example.org"
    assert settings.host_names == {"models.example.org", "registry", "registry.internal"}
    assert settings.person is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "http"), ("PORT", "-1"), ("PORT", "\uff18\uff10"), ("PUBLIC_URL", "models.example.org"),
     ("PUBLIC_URL", "https://x.org/registry"), ("PUBLIC_URL", "https://a:b@x.org"), ("PUBLIC_URL", "ftp://x.org"),
     ("LOG", "xml"), ("LOG_LEVEL", "INFO"), ("METRICS", "open"), ("MAX_CONNECTIONS", "0"), ("KEEP_FREE_MB", "1.5"),
     ("ARTIFACTS", "s3://"), ("ARTIFACTS", "s3://A/b"), ("ARTIFACTS", "s3://a_b/c"), ("ARTIFACTS", "s3://models/a b"),
     ("S3_ENDPOINT", "minio:9000"), ("S3_PUBLIC_ENDPOINT", "https://x.org/minio"), ("S3_PRESIGN", "maybe")],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(InvalidInput, match=f"MODEL_REGISTRY_{name} is"):
        read_settings({f"MODEL_REGISTRY_{name}": value})


def test_what_kubernetes_sets_beside_a_service_of_this_name_is_no_port() -> None:
    assert read_settings({"MODEL_REGISTRY_PORT": "tcp://10.0.0.1:8470"}).port == 8470


EXPOSED = {"MODEL_REGISTRY_HOST": "0.0.0.0"}
NAMED = {**EXPOSED, "MODEL_REGISTRY_ALLOWED_HOSTS": "registry"}
TLS = {"MODEL_REGISTRY_TLS_CERT": "/c.pem", "MODEL_REGISTRY_TLS_KEY": "/k.pem"}


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (EXPOSED, "Say under which name"),
        ({**EXPOSED, **TLS}, "Say under which name"),
        (NAMED, "in the clear"),
        ({**EXPOSED, "MODEL_REGISTRY_PUBLIC_URL": "https://x.org"}, "in the clear"),
        ({"MODEL_REGISTRY_HOST": "192.168.1.7"}, "Say under which name"),
        ({"MODEL_REGISTRY_HOST": "::"}, "Say under which name"),
        ({"MODEL_REGISTRY_TLS_CERT": "/c.pem"}, "both files"),
    ],
)
def test_a_door_that_others_can_reach_is_not_left_open(environment: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        read_settings(environment)


@pytest.mark.parametrize("more", [TLS, {"MODEL_REGISTRY_BEHIND_PROXY": "10.0.0.1"}])
def test_named_and_behind_tls_it_may_be_reached(more: dict[str, str]) -> None:
    assert not read_settings({**NAMED, **more}).is_loopback


@pytest.mark.parametrize(
    "more",
    [
        {**NAMED, **TLS},
        {"MODEL_REGISTRY_PUBLIC_URL": "https://models.example.org"},
        {"MODEL_REGISTRY_AIRFLOW_URL": "http://registry:8470"},
        {"MODEL_REGISTRY_ALLOWED_HOSTS": "registry"},
        {"MODEL_REGISTRY_BEHIND_PROXY": "127.0.0.1"},
    ],
)
def test_metrics_need_a_token_where_others_can_ask(more: dict[str, str]) -> None:
    read_settings({"MODEL_REGISTRY_METRICS": "loopback"})
    read_settings(more)
    with pytest.raises(InvalidInput, match="Leave MODEL_REGISTRY_METRICS at token"):
        read_settings({**more, "MODEL_REGISTRY_METRICS": "loopback"})


def test_the_address_for_airflow_is_a_name_to_be_called_by() -> None:
    settings = read_settings({**NAMED, **TLS, "MODEL_REGISTRY_AIRFLOW_URL": "http://Inside:8470/"})
    assert settings.host_names == {"registry", "inside"}
    assert (settings.base_url, settings.airflow_url) == ("https://registry:8470", "http://Inside:8470")


def test_any_address_is_no_name_to_be_called_by() -> None:
    settings = read_settings({**NAMED, **TLS})
    assert settings.host_names == {"registry"}
    assert settings.base_url == "https://registry:8470"


def test_settings_made_in_a_program_are_checked_as_well() -> None:
    settings = msgspec.structs.replace(read_settings({}), host="0.0.0.0")
    with pytest.raises(InvalidInput):
        check_settings(settings)


def test_addresses_of_ipv6_stand_in_brackets() -> None:
    assert read_settings({"MODEL_REGISTRY_HOST": "::1"}).base_url == "http://[::1]:8470"


BUCKET = {"MODEL_REGISTRY_ARTIFACTS": "s3://models/team/a/", "MODEL_REGISTRY_S3_ACCESS_KEY": "registry"}


def test_artifacts_may_be_in_a_bucket() -> None:
    settings = read_settings({**BUCKET, "MODEL_REGISTRY_S3_SECRET_KEY": "hidden", "MODEL_REGISTRY_S3_PRESIGN": "off"})
    assert settings.artifacts == BucketAddress("models", "team/a/") and str(settings.artifacts) == "s3://models/team/a"
    assert s3_secret(settings) == "hidden" and settings.s3_presign is False
    assert "hidden" not in repr(settings) + str(settings)
    assert read_settings({**BUCKET, "MODEL_REGISTRY_S3_SECRET_KEY": "hidden"}).s3_presign is True


def test_the_secret_key_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    settings = read_settings({**BUCKET, "MODEL_REGISTRY_S3_SECRET_KEY_FILE": str(file)})
    with pytest.raises(InvalidInput, match="can't be read"):
        s3_secret(settings)
    file.write_text("hidden\n")
    assert s3_secret(settings) == "hidden"


@pytest.mark.parametrize("more", [{}, {"SECRET_KEY": "a", "SECRET_KEY_FILE": "/b"}])
def test_a_bucket_takes_one_pair_of_keys(more: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="takes keys"):
        read_settings({**BUCKET, **{f"MODEL_REGISTRY_S3_{name}": value for name, value in more.items()}})
