"""What a process of the service is set to, tried in processes of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOOKED_AT = """
import ctypes, os
from detector.service.process import keep_private

if os.geteuid() == 0:
    os.setuid(65534)  # root reads everything
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # as a process is unless it says otherwise

def looks() -> str:
    child = os.fork()
    if not child:
        try:
            open(f"/proc/{os.getppid()}/environ", "rb").read()
        except PermissionError:
            os._exit(1)
        os._exit(0)
    return "refused" if os.waitpid(child, 0)[1] else "read"

print(looks())
keep_private()
print(looks(), oct(os.umask(0)))
"""
FILES = """
import resource
from detector.service.process import allow_files

resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
allow_files()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def told(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has it")
def test_another_process_of_its_user_cannot_look_into_it() -> None:
    assert told(LOOKED_AT) == "read\nrefused 0o77\n"


@pytest.mark.parametrize(("soft", "hard", "after"), [(512, 10_000, 8192), (512, 2000, 2000), (9000, 9000, 9000)])
def test_as_many_files_may_be_open_as_are_needed_or_may_be(soft: int, hard: int, after: int) -> None:
    assert told(FILES.format(soft=soft, hard=hard)) == f"{after} {hard}\n"
