"""The settings of an Airflow for tests: loopback only, quick to notice, and nothing of the caller's own Airflow."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who may log in to Airflow."""

    name: str
    password: str
    role: str = "admin"
    """One of the simple auth manager's: viewer, user, op, admin."""


def airflow_environment(
    home: Path, *, dags: Path, port: int, people: Sequence[Person], extra: Mapping[str, str]
) -> dict[str, str]:
    """The environment of every process of one Airflow. Without people, everyone is admin without a login.

    Writes the file of passwords into `home`.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
    environment["AIRFLOW_HOME"] = str(home)
    # Libraries that keep something in the user's home keep it with this Airflow.
    environment["HOME"] = str(home)
    environment["PYTHONUNBUFFERED"] = "1"
    passwords = home / "passwords.json"
    passwords.write_text(json.dumps({person.name: person.password for person in people}))
    for section, options in _options(home, dags=dags, port=port, people=people, passwords=passwords).items():
        for option, value in options.items():
            environment[f"AIRFLOW__{section}__{option}".upper()] = value
    return environment | dict(extra)


def _options(
    home: Path, *, dags: Path, port: int, people: Sequence[Person], passwords: Path
) -> dict[str, dict[str, str]]:
    address = f"http://127.0.0.1:{port}"
    return {
        "core": {
            "dags_folder": str(dags),
            "executor": "LocalExecutor",
            "parallelism": "8",
            "load_examples": "False",
            "execution_api_server_url": f"{address}/execution/",
            "fernet_key": "",
            "min_serialized_dag_update_interval": "0",
            # The default asks the resolver for the full name, which takes seconds where there is no DNS.
            "hostname_callable": "socket.gethostname",
            "simple_auth_manager_all_admins": str(not people),
            "simple_auth_manager_users": ",".join(f"{person.name}:{person.role}" for person in people),
            "simple_auth_manager_passwords_file": str(passwords),
        },
        "database": {"sql_alchemy_conn": f"sqlite:///{home / 'airflow.db'}"},
        "api": {
            "host": "127.0.0.1",
            "port": str(port),
            "base_url": address,
            "secret_key": secrets.token_hex(16),
            "workers": "1",
        },
        "api_auth": {"jwt_secret": secrets.token_hex(32)},
        "dag_processor": {
            # A new or changed file is read at the next refresh; one that stayed the same is not read again for long.
            "refresh_interval": "1",
            "bundle_refresh_check_interval": "1",
            "min_file_process_interval": "600",
            "parsing_processes": "1",
        },
        "scheduler": {
            "job_heartbeat_sec": "1",
            "scheduler_idle_sleep_time": "0.2",
            "scheduler_health_check_threshold": "10",
            "trigger_timeout_check_interval": "1",
            "orphaned_tasks_check_interval": "10",
            "task_instance_heartbeat_timeout": "60",
        },
        "triggerer": {
            "job_heartbeat_sec": "1",
            # How soon the triggers of a killed triggerer are taken up by another.
            "triggerer_health_check_threshold": "5",
        },
        "logging": {"colored_console_log": "False"},
    }
