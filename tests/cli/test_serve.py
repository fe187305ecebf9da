"""`detector serve`, `detector work` and `detector keys`, as a person meets them; tests/service tests the service."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from detector.cli import main
from detector.service.settings import Settings
from detector.service.store import Store


@pytest.fixture
def state(tmp_path: Path) -> str:
    return str(tmp_path / "state")


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error."""
    [line] = capsys.readouterr().err.splitlines()
    return line


def test_a_key_is_made_listed_and_revoked(state: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "add", "upload form", "--scope", "score", "--rate", "60", "--state", state]) == 0
    made = capsys.readouterr()
    secret = made.out.strip()
    assert re.fullmatch(r"dk_[\w-]{43}", secret)
    assert secret not in made.err
    store = Store.open(Settings(state=Path(state)).url)
    try:
        key = store.key(secret)
        assert key is not None
        assert (key.name, key.scopes, key.rate) == ("upload form", ("score",), 60)
        assert main(["keys", "list", "--state", state]) == 0
        assert capsys.readouterr().out == f"{key.id}: upload form, score, 60 a minute, valid\n"
        assert main(["keys", "revoke", key.id, "--state", state]) == 0
        assert store.key(secret) is None
    finally:
        store.close()
    capsys.readouterr()
    assert main(["keys", "list", "--state", state]) == 0
    assert capsys.readouterr().out.endswith(", revoked\n")


def test_a_key_that_is_not_there_cannot_be_revoked(state: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "revoke", "nobody", "--state", state]) == 2
    assert "detector keys list" in complaint(capsys)


@pytest.mark.parametrize("words", [["--scope", "all"], [], ["--scope", "score", "--rate", "-1"]])
def test_a_key_without_a_scope_or_with_an_odd_one_is_not_made(state: str, words: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["keys", "add", "somebody", *words, "--state", state])
    assert refused.value.code == 2


def serve(*words: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: it sets up the logging and the metrics of its process."""
    command = [sys.executable, "-m", "detector", "serve", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_an_address_that_others_reach_needs_a_key(state: str) -> None:
    done = serve("--host", "0.0.0.0", "--port", "0", "--state", state)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert "detector keys add NAME --scope score" in line


def test_a_port_that_is_taken_is_told(state: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = serve("--port", port, "--state", state)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"detector: cannot listen on 127.0.0.1 port {port}: Address already in use")


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ("speed = 1", "unknown key 'speed'"),
        ("[limits]\nimage_bytes = 'many'", "limits.image_bytes"),
        ("port = 70000", "port: expected 0 to 65535"),
        ("port = ", "is not TOML"),
    ],
)
def test_settings_that_cannot_be_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], config: str, why: str
) -> None:
    file = tmp_path / "service.toml"
    file.write_text(config)
    assert main(["serve", "--config", str(file)]) == 2
    assert why in complaint(capsys)


def test_a_database_that_is_none_is_told(state: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "list", "--state", state, "--database", "nothing://"]) == 2
    assert "nothing" in complaint(capsys)


def test_a_policy_that_is_not_there_is_told(state: str) -> None:
    done = serve("--policy", "no-such-policy.toml", "--state", state)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert "no-such-policy.toml" in line


@pytest.mark.parametrize(
    ("fpr", "why"),
    [
        ("0.03", "cannot listen on"),
        ("0.000001", "image: fpr: the smallest budget that the held-out real faces can vouch"),
    ],
)
def test_a_budget_that_the_classifier_cannot_vouch_for_is_told_at_the_start(
    state: str, tmp_path: Path, fpr: str, why: str
) -> None:
    limits = f"{{ review = {{ fpr = {fpr} }} }}"
    (tmp_path / "policy.toml").write_text(f"image = {limits}\nvideo = {limits}\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:  # nothing is wrong but the policy, or else the port
        done = serve("--policy", str(tmp_path / "policy.toml"), "--port", str(taken.getsockname()[1]), "--state", state)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert why in line


@pytest.mark.parametrize("command", ["serve", "work", "keys list"])
def test_without_the_extra_it_says_how_to_get_it(state: str, command: str) -> None:
    code = (
        "import sys\n"
        "for name in ('fastapi', 'sqlalchemy', 'uvicorn', 'structlog', 'prometheus_client'):\n"
        "    sys.modules[name] = None\n"
        f"from detector.cli import main\nsys.exit(main([*{command.split()!r}, '--state', {state!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert re.fullmatch(r"detector: the service needs \w+: pip install 'detector\[serve\]'\n", done.stderr)


def test_a_worker_has_the_services_settings_and_a_name_of_its_own(state: str) -> None:
    code = (
        "import detector.service.worker as worker, os, sys\n"
        "worker.run_worker = lambda settings, name: print(settings.state, settings.queue.lease_s, name, os.umask(0))\n"
        f"from detector.cli import main\nsys.exit(main(['work', '--state', {state!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(rf"{re.escape(state)} 15.0 {re.escape(socket.gethostname())}-\d+ {0o077}\n", done.stdout)
    assert (Path(state) / "metrics").is_dir()
