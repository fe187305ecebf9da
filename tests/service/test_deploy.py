"""What people deploy with: it parses, keeps to the rules, and names nothing that is not there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

from detector import config
from detector.cli import COMMANDS
from detector.service import metrics
from detector.service.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "detector" / "service" / "deploy"
INSTRUCTIONS = {
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "ONBUILD", "RUN",
    "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
}  # fmt: skip
SERIES = {Counter: ("_total",), Gauge: ("",), Histogram: ("_bucket", "_sum", "_count")}


def lines(path: Path) -> list[str]:
    """Without comments and empty ones."""
    return [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]


def instructions(path: Path) -> list[tuple[str, str]]:
    """A Dockerfile's instructions with what follows them, continued lines joined."""
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines(path))).splitlines()
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined)]


@pytest.fixture(scope="module")
def dockerfile() -> list[tuple[str, str]]:
    return instructions(DEPLOY / "Dockerfile")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert isinstance(loaded, dict)
    return loaded


def test_the_dockerfile_has_known_instructions_and_fetches_nothing_by_url(dockerfile: list[tuple[str, str]]) -> None:
    assert {name for name, _ in dockerfile} <= INSTRUCTIONS
    assert not [rest for name, rest in dockerfile if name == "ADD"], "COPY does what is needed, and no more"
    assert not [rest for name, rest in dockerfile if name == "RUN" and re.search(r"curl|wget|git clone|sudo", rest)]


def test_base_images_have_a_version(dockerfile: list[tuple[str, str]], compose: dict[str, Any]) -> None:
    defaults = dict(rest.split("=", 1) for name, rest in dockerfile if name == "ARG" and "=" in rest)
    images = [
        re.sub(r"\$\{(\w+)\}", lambda m: defaults[m[1]], rest.split()[0]) for n, rest in dockerfile if n == "FROM"
    ]
    images += [service["image"] for service in compose["services"].values()]
    for image in images:
        _, _, tag = image.partition(":")
        assert re.match(r"\d+(\.\d+)*", tag), image
    python = next(image for image in images if image.startswith("python:")).partition(":")[2]
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert tuple(map(int, python.partition("-")[0].split("."))) >= tuple(map(int, required.strip(">=").split(".")))


def test_what_runs_has_no_root_and_says_how_it_is(dockerfile: list[tuple[str, str]]) -> None:
    last = dockerfile[max(row for row, (name, _) in enumerate(dockerfile) if name == "FROM") :]
    [user] = [rest for name, rest in last if name == "USER"]
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user), "a number: Kubernetes can tell it from root"
    assert f"--uid {user.partition(':')[0]} " in " ".join(rest for name, rest in last if name == "RUN")
    assert {"HEALTHCHECK", "VOLUME", "STOPSIGNAL"} <= {name for name, _ in last}
    for name, rest in last:
        if name in ("ENTRYPOINT", "CMD"):
            assert isinstance(json.loads(rest), list), "without a shell, signals reach the service"


def test_all_that_is_copied_is_there_and_reaches_the_build(dockerfile: list[tuple[str, str]]) -> None:
    rules = [
        line for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] not in ("#", "")
    ]
    copied = [
        word for name, rest in dockerfile if name == "COPY" and "--from" not in rest for word in rest.split()[:-1]
    ]
    sources = [source for source in copied if not source.startswith("--")]
    assert "detector" in sources
    for source in sources:
        assert (ROOT / source).exists(), source
        allowed = [rule[1:] for rule in rules if rule.startswith("!")]
        assert any(source == rule or source.startswith(f"{rule}/") for rule in allowed), source
    assert rules[0] == "*", "nothing reaches the build but what is named: no media, no state, no keys"


def test_every_package_has_the_version_that_the_tests_ran_with(dockerfile: list[tuple[str, str]]) -> None:
    build = next(rest for name, rest in dockerfile if name == "ENV")
    assert "PIP_CONSTRAINT=/source/.ci/constraints.txt" in build
    installs = [rest for name, rest in dockerfile if name == "RUN" and "pip install" in rest]
    assert len(installs) == 2
    assert "'.[serve]'" in installs[-1]


def test_what_the_package_reads_is_installed_with_it() -> None:
    """An editable install has every file; an image has those that pyproject.toml names."""
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["detector"]
    here = ROOT / "detector"
    tracked = subprocess.run(["git", "ls-files", "detector"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [str((ROOT / line).relative_to(here)) for line in tracked.stdout.splitlines()]
    needed = [file for file in files if not file.endswith((".py", ".md")) and not file.startswith("service/deploy/")]
    assert [file for file in needed if not any(fnmatch(file, pattern) for pattern in data)] == []


def test_containers_can_write_nowhere_but_where_they_must(compose: dict[str, Any]) -> None:
    for name in ("api", "worker"):
        service = compose["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not service.get("privileged")
        assert service["deploy"]["resources"]["limits"]["memory"]
        assert service["command"][0] in COMMANDS
        assert service["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert compose["services"]["worker"]["networks"] == ["inside"]
    assert compose["networks"]["inside"] == {"internal": True}
    assert compose["services"]["api"]["ports"][0].startswith("127.0.0.1:"), "without TLS, only this machine"


def test_compose_names_only_what_it_defines(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert set(service["secrets"]) <= set(compose["secrets"])
        assert set(service["networks"]) <= set(compose["networks"])
        for source, _, _ in (volume.partition(":") for volume in service["volumes"]):
            assert (DEPLOY / source).exists() if source.startswith(".") else source in compose["volumes"]
        assert set(service.get("depends_on", {})) <= set(compose["services"])
        if "build" in service:
            context = (DEPLOY / service["build"]["context"]).resolve()
            assert context == ROOT
            assert (context / service["build"]["dockerfile"]).is_file()
    for secret in compose["secrets"].values():
        assert secret["file"].startswith("/etc/"), "in a checkout, they would be committed one day"
    text = (DEPLOY / "compose.yaml").read_text()
    assert not re.search(r"(PASSWORD|SECRET|KEY):\s*\S+(?<!_password)$", text, re.MULTILINE), "secrets are files"


def test_the_settings_are_settings() -> None:
    settings = config.load(Settings, DEPLOY / "service.toml")
    assert (settings.workers, settings.loopback) == (0, False)
    assert settings.url.startswith("postgresql+psycopg://detector@database/")


def test_the_entrypoint_gives_secrets_as_variables(tmp_path: Path) -> None:
    script = (DEPLOY / "entrypoint.sh").read_text().replace("/run/secrets", str(tmp_path))
    (tmp_path / "database_password").write_text("pass word\n")
    (tmp_path / "detector").write_text('#!/bin/sh\necho "$PGPASSWORD|${DETECTOR_WEBHOOK_SECRET-unset}|$*"\n')
    (tmp_path / "detector").chmod(0o755)
    command = ["/bin/sh", "-c", script, "entrypoint", "serve", "--port", "1"]
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "pass word|unset|serve --port 1\n"


def unit() -> list[tuple[str, str]]:
    lines = (DEPLOY / "detector.service").read_text().splitlines()
    return [
        (name, value) for name, _, value in (line.partition("=") for line in lines if line[:1] not in ("#", "[", ""))
    ]


def test_the_unit_is_shut_in() -> None:
    said = dict(unit())
    for name, value in {
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "StateDirectory": "detector",
        "User": "detector",
        "CapabilityBoundingSet": "",
        "SystemCallFilter": "@system-service",
    }.items():
        assert said[name] == value, name
    assert re.fullmatch(r"\d+G", said["MemoryMax"])
    words = said["ExecStart"].split()
    assert words[1] in COMMANDS
    assert words[words.index("--state") + 1] == "/var/lib/detector"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    text = (DEPLOY / "detector.service").read_text().replace("/opt/detector/bin/detector", sys.executable)
    (tmp_path / "detector.service").write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / "detector.service")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    mine = [line for line in done.stderr.splitlines() if "detector.service" in line]
    assert (done.returncode, mine) == (0, [])


def queries(value: Any) -> Iterator[str]:
    """Every query of a board, however deep."""
    if isinstance(value, dict):
        yield from [value["expr"]] if "expr" in value else []
        value = list(value.values())
    for part in value if isinstance(value, list) else []:
        yield from queries(part)


def test_the_board_shows_what_is_counted_and_all_of_it() -> None:
    counted = {
        family._name: {f"{family._name}{ending}" for ending in SERIES[type(family)]}
        for family in vars(metrics).values()
        if isinstance(family, tuple(SERIES))
    }
    board = json.loads((DEPLOY / "grafana.json").read_text())
    shown = {name for query in queries(board) for name in re.findall(r"\bdetector_\w+", query)}
    assert shown <= set().union(*counted.values())
    assert [name for name, series in counted.items() if not series & shown] == []


def test_the_board_asks_for_labels_that_are_there() -> None:
    board = json.loads((DEPLOY / "grafana.json").read_text())
    labels = {
        f"{family._name}{ending}": {*family._labelnames, "le"}
        for family in vars(metrics).values()
        if isinstance(family, tuple(SERIES))
        for ending in SERIES[type(family)]
    }
    for query in queries(board):
        name = re.findall(r"\bdetector_\w+", query)[0]
        asked = {label for group in re.findall(r"by \(([^)]*)\)", query) for label in re.split(r",\s*", group)}
        asked |= set(re.findall(r"[{,](\w+)\s*[!=]", query))
        assert asked <= labels[name], query
        assert query.count("(") == query.count(")")
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len(set(places)) == len(places), "no panel covers another"


def test_prometheus_asks_where_the_service_answers() -> None:
    [job] = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    assert job["metrics_path"] == "/metrics"
    assert job["authorization"]["credentials_file"]
    assert job["static_configs"] == [{"targets": [f"127.0.0.1:{Settings.port}"]}]
