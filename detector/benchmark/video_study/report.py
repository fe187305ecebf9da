"""What the study of clips found, as tables."""

from __future__ import annotations

import csv
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detector.benchmark.measures.families import MEAN
from detector.benchmark.measures.metrics import Estimate
from detector.benchmark.tables import table
from detector.benchmark.video_study.ablation import HELD, Result, measured, pair_auc, pair_gain, transferred
from detector.benchmark.video_study.controls import name_of
from detector.benchmark.video_study.drawing import draw_families, draw_pair
from detector.benchmark.video_study.study import Rows, VideoStudy
from detector.features.motion import MOTION
from detector.types import Array

PAIR = ("519", "519_515")
"""An original of FaceForensics++ and its swap, by the names of their files."""
ALARM = "alarm"


@dataclass(frozen=True, eq=False)
class Filmed:
    """Pieces of filmed clips, by models of all made ones.

    Attributes:
        clips: (M,) names.
        fake: (M,) whether the clip is one.
        starts: (M,) the first frame of each piece.
        scores: row -> (M,) deviations of real made clips above their mean.
    """

    clips: Array
    fake: Array
    starts: Array
    scores: Mapping[str, Array]

    @property
    def paired(self) -> Array:
        """(M,) whether the piece is of the pair, and the other one has a piece of that time too."""
        inside = np.isin(self.clips, PAIR)
        times = [set(self.starts[self.clips == name].tolist()) for name in PAIR]
        return np.asarray(inside & np.isin(self.starts, list(times[0] & times[1])))


def write(study: VideoStudy, made: Rows, files: Rows, command: str) -> None:
    """Measure every row, and write tables and pictures."""
    rows = {**study.rows, **kind_rows()}
    results = {name: measured(name, made.columns(patterns), made, study.recipe) for name, patterns in rows.items()}
    filmed = score_filmed(study, made, files)
    study.report.mkdir(parents=True, exist_ok=True)
    (study.report / "ablation.md").write_text(_page(study, made, results, filmed, command), encoding="utf-8")
    _write_csv(study.report / "ablation.csv", results)
    _write_pieces(study.report / "pieces.csv", filmed)
    draw_families(results, study.base, study.report / "families.png")
    draw_pair(filmed, PAIR, study.report / "pair.png")


def kind_rows() -> dict[str, tuple[str, ...]]:
    """Each kind of motion by itself, and all of them but each."""
    alone = {f"motion: {kind} alone": (f"*.clip.{kind}.*",) for kind in MOTION}
    rest = {f"motion without {kind}": tuple(f"*.clip.{one}.*" for one in MOTION if one != kind) for kind in MOTION}
    return alone | rest


def score_filmed(study: VideoStudy, made: Rows, files: Rows) -> Filmed:
    """What models of all made clips say of filmed ones."""
    scores = {
        name: transferred(made.columns(patterns), made, files.columns(patterns), study.recipe)
        for name, patterns in study.rows.items()
    }
    names = np.array([name_of(Path(sample.path)) for sample in files.samples])
    fake = np.array([sample.label == 1 for sample in files.samples])
    return Filmed(names, fake, np.array(files.starts), scores)


PAGE = """# Frames alone, and with time

`{command}` at {commit}. {clips} made clips of {photos} photos ({sources}) of the splits {splits}: each photo as a real
clip and as a fake of {generators}; {frames} frames at 25 a second, all through one chain (motion from a still through
H.264; then, real and fake alike, H.264 at CRF 18-36 or MPEG-4). Without a row: {missing}. Frames: what the judge
computes on {looked} frames of a clip. Motion: over all of its frames. Logistic regression as shipped with a penalty of
{strength:g}; {folds} folds by photo. AUC, mean over the generators, with 95 % intervals (bootstrap over photos).

## What was held out

"Met": another photo of the same sets, the same generators. Then the generator of the fakes that are told apart, the set
of the photo, or both are left out of the fit too.

{held}

## Above `{base}`, paired

{gains}

## By generator, held out

{generators_table}

## Kinds of motion

{kinds}

## Does the file give it away?

Metadata: width, height and codec. Bit rate: bits a pixel, the largest packet and the spread of the others. Neither
looks at the picture; what flickers costs bits, so the second tells of the fake itself as well as of the file.

{alarms}

## Filmed clips, by models of all made clips

Mean over the pieces of a clip, in deviations of the real made clips above their mean; each piece is in `pieces.csv`.
No filmed clip was fitted, and none chose anything.

{filmed}

AUC of the pieces of {swap} against those of {original} at the same times: {pieces} pieces each, intervals by blocks of
two pieces, both clips at once.

{pair}

![by generator](families.png)

![the pair](pair.png)
"""


def _page(study: VideoStudy, made: Rows, results: Mapping[str, Result], filmed: Filmed, command: str) -> str:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    main = {name: results[name] for name in study.rows if not name.startswith(ALARM)}
    base = results[study.base]
    known = made.known()
    photos = {sample.group: sample.source for sample in made.samples}
    return PAGE.format(
        command=command,
        commit=commit.stdout.strip(),
        clips=len(made.samples),
        photos=len(photos),
        sources=", ".join(f"{source} {count}" for source, count in sorted(Counter(photos.values()).items())),
        splits=" and ".join(study.photos.splits),
        generators=", ".join(known.families),
        frames=study.photos.frames,
        missing=", ".join(f"{what} {count}" for what, count in made.missing.items()) or "none",
        looked=study.pieces.frames,
        strength=study.recipe.strength,
        folds=study.recipe.folds,
        base=study.base,
        held=_by_held(main.values()),
        gains=table(
            ["", *HELD],
            [[one.name, *(one.gain(base, held)[MEAN] for held in HELD)] for one in main.values() if one is not base],
        ),
        generators_table=table(
            ["", *known.families],
            [
                [one.name, *(found[name] for name in known.families)]
                for one in main.values()
                for found in [one.estimates("generator held out")]
            ],
        ),
        kinds=_by_held(one for name, one in results.items() if name not in study.rows),
        alarms=_by_held(one for name, one in results.items() if name.startswith(ALARM)),
        filmed=_filmed(filmed, list(main)),
        swap=PAIR[1],
        original=PAIR[0],
        pieces=int(filmed.paired.sum()) // 2,
        pair=_pair(study, filmed, list(main)),
    )


def _by_held(results: object) -> str:
    rows = [
        [one.name, one.columns, *(one.estimates(held)[MEAN] for held in HELD)]
        for one in results  # type: ignore[attr-defined]
    ]
    return table(["", "columns", *HELD], rows)


def _filmed(filmed: Filmed, names: Sequence[str]) -> str:
    order = sorted(set(zip(filmed.fake.tolist(), filmed.clips.tolist(), strict=True)))
    rows = []
    for fake, clip in order:
        inside = filmed.clips == clip
        means = [f"{float(filmed.scores[name][inside].mean()):+.1f}" for name in names]
        rows.append([clip, "fake" if fake else "real", int(inside.sum()), *means])
    return table(["clip", "", "pieces", *names], rows)


def _pair(study: VideoStudy, filmed: Filmed, names: Sequence[str]) -> str:
    inside, length = filmed.paired, study.pieces.length
    if not inside.any():
        return "No piece of both is there."
    fake, starts = filmed.clips[inside] == PAIR[1], filmed.starts[inside]
    base = filmed.scores[study.base][inside]
    rows: list[list[object]] = []
    for name in names:
        own = filmed.scores[name][inside]
        gain: Estimate | str = "" if name == study.base else pair_gain(own, base, fake, starts, length)
        rows.append([name, pair_auc(own, fake, starts, length), gain])
    return table(["", "AUC", f"above {study.base}"], rows)


def _write_csv(path: Path, results: Mapping[str, Result]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["row", "columns", "held out", "generator", "auc", "low", "high"])
        for one in results.values():
            for held in HELD:
                for name, found in one.estimates(held).items():
                    ends = (f"{value:.4f}" for value in (found.value, found.low, found.high))
                    lines.writerow([one.name, one.columns, held, name, *ends])


def _write_pieces(path: Path, filmed: Filmed) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["clip", "fake", "first frame", *filmed.scores])
        for row, clip in enumerate(filmed.clips):
            scores = (f"{values[row]:.3f}" for values in filmed.scores.values())
            lines.writerow([clip, int(filmed.fake[row]), int(filmed.starts[row]), *scores])
