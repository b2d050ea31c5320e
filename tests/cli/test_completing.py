"""What Tab proposes: by click's protocol, against a real service, and in a real bash."""

from __future__ import annotations

import hashlib
import os
import pty
import select
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete, get_completion_class

from registry_service.cli import main
from tests.cli.conftest import CommandLine
from tests.service_fixture import RunningService

HERE = Path(sys.executable).parent


@pytest.fixture
def known(ada: CommandLine, request: pytest.FixtureRequest, trained: Path) -> str:
    """A model with two versions, a stage that has one, an alias and a request; its name."""
    name = f"z{hashlib.sha256(request.node.name.encode()).hexdigest()[:12]} x"
    ada("versions", "register", name, str(trained), "--alias", "champion")
    ada("versions", "register", name, str(trained), "--metric", "auc=0.9")
    first = ada.json("promotions", "request", name, "1", "--stage", "production")["id"]
    ada("approve", first, "--yes")
    ada("promotions", "apply", first)
    return name


def proposed(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch, *words: str, shell: str = "fish"
) -> dict[str, str | None]:
    """The proposals for the last word, and the help beside each."""
    for name, value in line.environment.items():
        monkeypatch.setenv(name, value)
    kind = get_completion_class(shell)
    assert kind is not None
    completer: ShellComplete = kind(main, {}, "model-registry", "_MODEL_REGISTRY_COMPLETE")
    *args, incomplete = words
    return {item.value: item.help for item in completer.get_completions(args, incomplete)}


def test_names_of_all_kinds_are_proposed(ada: CommandLine, known: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def propose(*words: str) -> dict[str, str | None]:
        return proposed(ada, monkeypatch, *words)

    request = ada.json("promotions", "request", known, "2", "--stage", "staging")["id"]
    assert propose("models", "show", known[:-3]) == {known: None}
    assert propose("promotions", "list", "--model", known[:-1]) == {known: None}
    assert propose("versions", "show", known, "") == {
        "@production": "now 1", "@champion": "now 1", "latest": "now 2", "2": "ready", "1": "ready production",
    }  # fmt: skip
    assert propose("versions", "show", known, "@ch") == {"@champion": "now 1"}
    assert propose("versions", "download", known, "la") == {"latest": "now 2"}
    assert propose("stages", "show", known, "") == {"staging": "vacant", "production": "now 1"}
    assert propose("promotions", "request", known, "2", "--stage", "sta") == {"staging": "vacant"}
    assert propose("aliases", "move", known, "") == {"champion": "now 1"}
    assert propose("rollback", known, "production", "--to", "@") == {"@production": "now 1", "@champion": "now 1"}
    assert propose("promotions", "show", request[:10]) == {request: f"{known} 2 to staging, PENDING"}
    assert propose("approve", request[:10]) == {request: f"{known} 2 to staging, PENDING"}
    assert propose("approve", known[:-1]) == {f"{known}/": None}
    assert propose("versions", "compare", f"{known}/1", f"{known}/@p") == {f"{known}/@production": "now 1"}


def test_who_and_what_else_has_a_name_is_proposed(
    ada: CommandLine, known: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def propose(*words: str) -> dict[str, str | None]:
        return proposed(ada, monkeypatch, *words)

    own = known[:-2]
    ada("principals", "create", f"{own}-p", "--kind", "person")
    ada("principals", "create", f"{own}-s", "--kind", "service", "--owner", "ada")
    ada("principals", "groups", "write", f"{own}-g", "ada")
    both = {f"{own}-p": "person", f"{own}-s": "service"}
    group = {f"{own}-g": "group of 1"}
    assert propose("principals", "show", own) == both
    assert propose("tokens", "list", "--principal", own) == both
    assert propose("principals", "grant", own) == both | group
    person = {f"{own}-p": "person"}
    assert propose("delegations", "add", own) == person
    assert propose("models", "update", known, "--owner", own) == person
    assert propose("principals", "groups", "write", "x", own) == person
    assert propose("principals", "groups", "remove", own) == group
    token = ada.json("tokens", "create", own, "--output", str(tmp_path / "token"))["id"]
    assert propose("tokens", "revoke", token[:6]) == {token: own}

    until = ada.json("delegations", "add", f"{own}-p", "--until", "1d")["id"]
    assert propose("delegations", "end", until) == {until: f"{own}-p for ada"}

    document = tmp_path / "policy.json"
    document.write_text(
        f'{{"name": "{own}", "nobody_need_review": true, "change_needs_second_person": true}}', encoding="utf-8"
    )
    ada("policies", "write", str(document))
    attached = ada.json("policies", "attach", own, known, "staging")["attachment_id"]
    waiting = ada.json("policies", "write", str(document), "--version", "1")["id"]
    assert propose("policies", "show", own) == {own: "version 1"}
    assert propose("policies", "detach", attached) == {attached: f"{own} on {known}, staging"}
    assert propose("policies", "confirm", waiting) == {waiting: f"write {own}, by ada"}

    deployed = ada.json("deployments", "start", known, f"{own}/here", "--version", "1")["id"]
    assert propose("deployments", "observe", deployed[:12]) == {deployed: f"{known} 1 at {own}/here, deploying"}
    assert propose("provenance", "--target", own) == {f"{own}/here": None}
    followed = ada.json("subscriptions", "add", known)["id"]
    assert propose("subscriptions", "remove", followed) == {followed: known}


def test_known_registries_are_proposed_and_the_one_said_is_asked(
    alone: CommandLine, shared_service: RunningService, ada: CommandLine, known: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone("--url", shared_service.url, "--registry", "prod", "login", stdin=shared_service.person)
    alone("config", "add", "lab", "http://127.0.0.1:1")
    for words in (("--registry", "p"), ("config", "use", "p"), ("config", "remove", "p"), ("config", "show", "p")):
        assert proposed(alone, monkeypatch, *words) == {"prod": shared_service.url}
    assert proposed(alone, monkeypatch, "--registry", "prod", "models", "show", known[:-1]) == {known: None}
    assert proposed(alone, monkeypatch, "--registry", "lab", "models", "show", known[:-1]) == {}
    alone("config", "use", "prod")
    assert proposed(alone, monkeypatch, "models", "show", known[:-1]) == {known: None}


def test_whatever_fails_is_quiet_and_short(
    alone: CommandLine, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and never answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        for environment in (
            {},
            {"MODEL_REGISTRY_URL": url, "MODEL_REGISTRY_TOKEN": "t"},
            {"MODEL_REGISTRY_URL": "ftp:"},
        ):
            line = CommandLine(alone.environment | environment)
            began = time.monotonic()
            for words in (("models", "show", "f"), ("stages", "show", "fraud", "p"), ("stages", "show", "")):
                assert proposed(line, monkeypatch, *words) == {}
            assert time.monotonic() - began < 10
    (Path(alone.environment["MODEL_REGISTRY_HOME"])).mkdir(exist_ok=True)
    config = Path(alone.environment["MODEL_REGISTRY_HOME"]) / "config.json"
    config.write_text("{")
    assert proposed(alone, monkeypatch, "--registry", "p") == {}
    assert capfd.readouterr() == ("", "")


def test_what_no_registry_names_anything_isnt_handed_to_a_shell(
    alone: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Path(alone.environment["MODEL_REGISTRY_HOME"])
    home.mkdir()
    (home / "config.json").write_text(
        '{"registries": {"$(id)": {"url": "http://a.test"}, "b": {"url": "http://b.test"}, "`c`": {"url": "x"}}}'
    )
    (home / "config.json").chmod(0o600)
    assert proposed(alone, monkeypatch, "--registry", "") == {"b": "http://b.test"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shell", "variables", "answer"),
    [
        ("zsh", {"COMP_WORDS": "model-registry stages show NAME pro", "COMP_CWORD": "4"}, "plain\nproduction\nnow 1"),
        ("fish", {"COMP_WORDS": "model-registry stages show NAME pro", "COMP_CWORD": "pro"}, "plain,production\tnow 1"),
        ("bash", {"COMP_LINE": "model-registry stages show NAME pro"}, "plain,production"),
        ("bash", {"COMP_LINE": "model-registry versions show NAME @pro"}, "plain,@production"),
        ("bash", {"COMP_LINE": "model-registry versions show NAME @pro", "COMP_WORDBREAKS": "@:"}, "plain,@production"),
        ("bash", {"COMP_LINE": "model-registry versions compare NAME/@pro"}, "/@production"),
        ("bash", {"COMP_LINE": "model-registry versions compare NAME/@pro", "COMP_WORDBREAKS": "@:"}, "plain,@prod"),
        ("bash", {"COMP_LINE": "model-registry versions show NAME "}, "plain,@production"),
        ("bash", {"COMP_LINE": "model-registry"}, "plain,models"),
    ],
)
def test_each_shell_is_answered_in_its_own_form(
    shell: str, variables: dict[str, str], answer: str, ada: CommandLine, known: str
) -> None:
    variables = {name: value.replace("NAME", shlex.quote(known)) for name, value in variables.items()}
    deadline = time.monotonic() + 60
    while True:
        done = subprocess.run(
            [HERE / "model-registry"],
            env=os.environ | ada.environment | variables | {"_MODEL_REGISTRY_COMPLETE": f"{shell}_complete"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stderr == ""
        # On a busy machine the registry may take longer than somebody at a keyboard would wait: they press again.
        if answer in done.stdout or time.monotonic() > deadline:
            break
    assert answer in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("breaking", ["><=;|&(:", "@><=;|&(:"], ids=["without @", "as bash comes"])
def test_tab_in_a_real_bash_completes_pointers_paths_and_names_with_spaces(
    breaking: str, ada: CommandLine, known: str
) -> None:
    escaped = known.replace(" ", "\\ ")
    wanted = {
        f"versions show {escaped} @prod\t": f"versions show {escaped} @production ",
        f"models show {escaped[:8]}\t": f"models show {escaped} ",
        f"versions compare {escaped}/@prod\t": f"versions compare {escaped}/@production ",
    }
    environment = os.environ | ada.environment | {"PATH": f"{HERE}:{os.environ['PATH']}", "PS1": "", "TERM": "dumb"}
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], environment)
    try:
        breaks = f"COMP_WORDBREAKS=$' \\t\\n{breaking}'"
        setup = f'bind "set bell-style none"; {breaks}; eval "$(model-registry completion bash)"; echo re""ady\n'
        os.write(terminal, setup.encode())
        _wait_for(terminal, b"ready")
        for typed, line in wanted.items():
            os.write(terminal, f"model-registry {typed}".encode())
            _wait_for(terminal, f"model-registry {line}".encode(), again=b"\t")
            os.write(terminal, b"\x15echo ne''xt\n")  # away with the line
            _wait_for(terminal, b"next")
    finally:
        os.write(terminal, b"\x15exit\n")
        os.waitpid(child, 0)
        os.close(terminal)


def _wait_for(terminal: int, text: bytes, *, again: bytes = b"") -> None:
    """Read what comes until the text is to be seen: behind a backspace, it is written over. `again` is pressed where
    nothing came for long."""
    seen = b""
    heard = time.monotonic()
    line = bytearray()
    at = 0
    deadline = time.monotonic() + 90
    while text not in line:
        assert time.monotonic() < deadline, seen
        if select.select([terminal], [], [], 0.5)[0]:
            heard = time.monotonic()
            seen += (came := os.read(terminal, 4096))
            for byte in came:
                if byte == 8:
                    at -= 1
                else:
                    line[at : at + 1] = bytes([byte])
                    at += 1
        elif again and time.monotonic() - heard > 8:
            heard = time.monotonic()
            os.write(terminal, again)
