"""What a second of video costs by single frames, and with clips and their motion beside them; and how memory goes.

    python experiments/video_cost.py ../shared/data/real/clips/LivePortrait__d20.mp4 [...] --rounds 5

One thread, every path once a round, in turn. Memory is the peak of a process of its own for a video of some length and
for one of four times that. Writes reports/video/cost.md. Other work on the machine makes times larger; run it alone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from detector.bench.rounds import Reading, Stage, measure, one_thread
from detector.benchmark.tables import table
from detector.benchmark.video_study.containers import Coding, write_clip
from detector.benchmark.video_study.describing import Describer
from detector.benchmark.video_study.study import VideoStudy
from detector.config import load
from detector.faces import cut_clips
from detector.features.motion import compute_motion
from detector.media import Sampling, open_media
from detector.score import Detector
from detector.types import Clip

SECONDS = 4.0
LONGER = 4
EVERY = "frames, all"
SHIPPED = "frames, 32 of the file"
STEPS = ("decode", "look", "cut", "VAE", "motion")
"""What the path of clips does, each with all before it."""
MIB = 1024


def excerpt(path: Path, times: int = 1) -> bytes:
    """The first seconds of a file, as H.264; forwards and backwards in turn where they are to last longer."""
    media = open_media(path)
    count = int(np.searchsorted(media.times[:-1], SECONDS))
    pictures = [frame.pixels for frame in islice(media.frames(Sampling(every=True)), count)]
    rate = Fraction(round(1 / float(np.median(np.diff(media.times)))))
    turns = [pictures if turn % 2 == 0 else pictures[::-1] for turn in range(times)]
    return write_clip((pixels for turn in turns for pixels in turn), Coding("h264", 18, rate))


def temporal(describer: Describer, content: bytes, upto: str = STEPS[-1]) -> None:
    """The path of clips, streamed, as far as one of `STEPS`."""
    frames = open_media(content).frames(Sampling(every=True))
    while piece := list(islice(frames, describer.pieces.length)):
        if upto == "decode":
            continue
        looked = list(describer.look(piece))
        if upto != "look":
            _moved(describer, list(cut_clips(looked, describer.model.size, describer.pieces.clip)), upto)


def _moved(describer: Describer, clips: list[Clip], upto: str) -> None:
    if upto == "cut" or not clips:
        return
    made = [describer.model(clip.pixels[None]) for clip in clips]
    if upto == "motion":
        compute_motion(clips, made, describer.model.name, rows="tracks")


def stages(describer: Describer, content: bytes) -> list[Stage]:
    """The paths of frames, then that of clips step by step, each less the one before it."""
    detectors = {SHIPPED: Detector.load(), EVERY: Detector.load(sampling=Sampling(every=True))}
    still = [
        Stage(name, "video", 1, lambda one=one: one.score(content), aside=True)  # type: ignore[misc]
        for name, one in detectors.items()
    ]
    before = (None, *STEPS[:-1])
    moving = [
        Stage(step, "video", 1, lambda step=step: temporal(describer, content, step), less=less)  # type: ignore[misc]
        for step, less in zip(STEPS, before, strict=True)
    ]
    return [*still, *moving]


def leg(name: str, config: Path, path: Path, times: int) -> None:
    """One path in this process; prints the peak of its memory in MiB."""
    content = excerpt(path, times)
    if name == "clips":
        temporal(load(VideoStudy, config).describer(), content)
    else:
        Detector.load(sampling=Sampling(every=True)).score(content)
    told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(float(told["VmHWM"].split()[0]) / MIB)  # ru_maxrss would begin at the peak of the parent


def memory(config: Path, path: Path) -> Iterator[list[object]]:
    """Rows: path, and its peak for each of two lengths."""
    for name in ("frames", "clips"):
        peaks = [
            subprocess.run(
                [sys.executable, __file__, str(path), "--config", str(config), "--leg", name, "--times", str(times)],
                capture_output=True,
                text=True,
                check=True,
            ).stdout.split()[-1]
            for times in (1, LONGER)
        ]
        yield [name, *(f"{float(peak):.0f}" for peak in peaks)]


PAGE = """# What a second of video costs

`{command}` at {commit}, {cores} cores ({machine}), one thread; load average {load:.1f} at the start. CPU seconds for a
second of video: median (least to most) of {rounds} rounds, all paths in turn in each round. Clips: {clips}; the first
{seconds:g} s. "{shipped}" is what is shipped; it costs the same however long the file is. The path of clips looks at
every frame; what it adds to frames that are all looked at is cut + VAE + motion.

{tables}

## Memory

Peak of a process, MiB, for {seconds:g} s of {name} and for {longer} times that, every frame looked at:

{memory}
"""


def _section(path: Path, found: dict[str, list[Reading]]) -> str:
    def told(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
        return f"{np.median(values):.3f} ({values.min():.3f}-{values.max():.3f})"

    cpu = {name: np.array([one.cpu for one in readings]) / SECONDS for name, readings in found.items()}
    added = cpu["cut"] + cpu["VAE"] + cpu["motion"]
    rows = [[name, told(values)] for name, values in cpu.items()]
    rows += [["clips, whole path", told(sum(cpu[step] for step in STEPS))]]  # type: ignore[arg-type]
    rows += [["added by clips to all frames", told(added)], ["the same, of it", told(added / cpu[EVERY])]]
    return f"## {path.stem.split('__')[-1]}\n\n" + table(["", "CPU s a second of video"], rows)


def main() -> None:
    """Measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--config", type=Path, default=Path("experiments/video-ablation.toml"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--leg", choices=("frames", "clips"), help=argparse.SUPPRESS)
    parser.add_argument("--times", type=int, default=1, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.leg:
        return leg(arguments.leg, arguments.config, arguments.clips[0], arguments.times)
    busy, study, device = os.getloadavg()[0], load(VideoStudy, arguments.config), torch.device("cpu")
    describer, sections = study.describer(), []
    with one_thread():
        for path in arguments.clips:
            own = stages(describer, excerpt(path))
            for stage in own:
                stage.run()  # what is loaded when it is first needed is not counted
            sections.append(_section(path, measure(own, arguments.rounds, device, lambda: None)))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    page = PAGE.format(
        command=f"python {' '.join(sys.argv)}",
        commit=commit.stdout.strip(),
        cores=os.cpu_count(),
        machine=os.uname().machine,
        load=busy,
        rounds=arguments.rounds,
        clips=", ".join(path.stem.split("__")[-1] for path in arguments.clips),
        seconds=SECONDS,
        shipped=SHIPPED,
        tables="\n\n".join(sections),
        name=arguments.clips[0].stem.split("__")[-1],
        longer=LONGER,
        memory=table(
            ["path", f"{SECONDS:g} s", f"{LONGER * SECONDS:g} s"], memory(arguments.config, arguments.clips[0])
        ),
    )
    study.report.mkdir(parents=True, exist_ok=True)
    (study.report / "cost.md").write_text(page, encoding="utf-8")
    return None


if __name__ == "__main__":
    main()
