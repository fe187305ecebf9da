"""Detectors for workers, which import them by name."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from multiprocessing import parent_process
from pathlib import Path

from detector.faces import load_face_detector
from detector.media import Media, MediaLimits
from detector.score import Detector
from detector.score.judge import Judge
from detector.score.look import Eyes


@dataclass(frozen=True)
class MortalEyes(Eyes):
    """Eyes that some names hurt, as content would hurt a decoder with a bug."""

    def open(self, source: Path | bytes) -> Media:
        """Open a file, or die of it."""
        assert isinstance(source, Path)
        if "poison" in source.name:
            os.kill(os.getpid(), signal.SIGSEGV)
        if "once" in source.name and not (mark := source.with_suffix(".mark")).exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if "endless" in source.name:
            time.sleep(3600)
        if "bug" in source.name:
            raise RuntimeError("a bug in a decoder")
        return super().open(source)


def mortal() -> Detector:
    """The embedded detector with eyes that can be hurt."""
    whole = Detector.load(faces="face-net")
    limits = MediaLimits(timeout_s=30.0)
    return Detector(lambda: MortalEyes(lambda: load_face_detector("face-net"), media_limits=limits), whole.load_judge)


def stillborn() -> Detector:
    """A detector that no process but the first one can load."""
    if parent_process() is not None:
        os._exit(3)
    return mortal()


def unfit() -> Detector:
    """A detector whose classifier was fitted with other VAEs."""
    return Detector.load(faces="face-net", vaes=("no-such-vae",))


def failing() -> Detector:
    """A detector whose models fail on everything."""

    def fail() -> Judge:
        raise RuntimeError("out of order")

    return Detector(Detector.load(faces="face-net").load_eyes, fail)
