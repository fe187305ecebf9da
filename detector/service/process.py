"""What every process of the service is set to before it does anything."""

from __future__ import annotations

import ctypes
import os
import resource
import sys

FILES = 8192
"""Files and connections that a process may have open, where the system lets it: `connection.MOST`, as many uploads."""
_PR_SET_DUMPABLE = 4


def keep_private() -> None:
    """What it writes, only its user can read; and not even its user reads its memory.

    A decoder that was taken over runs as the same user. Linux then refuses it to look into this process (ptrace,
    ``/proc/PID/mem`` and ``environ``), in which keys and secrets are, and writes no core dumps of it. A debugger needs
    root from now on. Processes that are started by this one set themselves.
    """
    os.umask(0o077)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def allow_files() -> None:
    """Let it open `FILES` files, or as many as it may: many systems begin with 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
