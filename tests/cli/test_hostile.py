"""Hostile files: each has a reason code and exit code 3, within ten seconds and one GiB."""

from __future__ import annotations

import json
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


LAUNCHER = """
import json, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, done.stdout.decode()]))
"""
"""A small process between: a child's peak memory begins at that of the process it was forked from."""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_costs_little_and_says_why(
    hostile: dict[str, tuple[Path, str]], name: str, tmp_path: Path
) -> None:
    path, reason = hostile[name]
    command = [sys.executable, "-c", LAUNCHER, sys.executable, "-m", "detector", "score", "--json", str(path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment(tmp_path))
    code, seconds, memory, output = json.loads(done.stdout)
    answer = json.loads(output)
    assert (code, answer["reason"]) == (3, reason)
    assert answer["fake_probability"] is None
    assert seconds < 10, "seconds of computing: waiting for a busy machine does not count"
    assert memory < GIB
