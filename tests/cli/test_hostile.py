"""Hostile files: each has a reason code and exit code 3, within ten seconds and one GiB."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import environment
from tests.hostile import HOSTILE, make_hostile

GIB = 2**30


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    return make_hostile(tmp_path_factory.mktemp("hostile"))


def test_there_are_at_least_twenty() -> None:
    assert len(HOSTILE) >= 20


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_costs_little_and_says_why(
    hostile: dict[str, tuple[Path, str]], name: str, tmp_path: Path
) -> None:
    path, reason = hostile[name]
    command = [sys.executable, "-m", "detector", "score", "--json", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(tmp_path)) as process:
        assert process.stdout is not None
        answer = json.loads(process.stdout.read())
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert (process.returncode, answer["reason"]) == (3, reason)
    assert answer["fake_probability"] is None
    assert usage.ru_utime + usage.ru_stime < 10, "seconds of computing: waiting for a busy machine does not count"
    assert usage.ru_maxrss * 1024 < GIB
