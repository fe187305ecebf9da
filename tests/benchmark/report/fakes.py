"""Results that nobody has measured, as a benchmark would have them, and with the corners that it may have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from detector.benchmark.measures.delong import DeLong
from detector.benchmark.measures.evaluate import Answers, Rate
from detector.benchmark.measures.metrics import METRICS, Estimate
from detector.benchmark.run.results import Entry, Kind, Mistake, Results, Slice

KINDS: dict[str, Kind] = {
    "ours": "ours",
    "ours, fitted here": "ours",
    "blur residual": "control",
    "AEROBLADE (tiny)": "training-free",
    "one-class VAE": "training-free",
    "mobilenetv3": "network",
    "theirs": "external",
    "metadata": "alarm",
    "JPEG quality": "alarm",
}
ABOUT = {
    "ours": "the regions of each face through two VAEs and a small network, as shipped",
    "ours, fitted here": "the same features, fitted on this dataset's train split",
    "blur residual": "what a 3 x 3 blur takes away, by gradient boosting",
}
STRENGTH = dict(zip(KINDS, (2.2, 2.7, 1.0, 0.3, 0.2, 1.7, 1.2, 0.05, 0.0), strict=True))
PROBABLE = {"ours", "ours, fitted here", "blur residual", "mobilenetv3"}
SOURCES = {"celebahq": 160, "ffhq": 310, "unsplash": 170, "clips": 1}
GENERATORS = {"progan": 110, "stable-diffusion-1.4": 110, "stylegan2": 330, "ffpp-deepfakes": 24}
REGIONS = ("eyes", "nose", "mouth", "cheeks", "forehead", "jaw_line", "hair", "background")
GRID = ("JPEG 95", "JPEG 75", "JPEG 50", "H.264 18", "H.264 40", "blur 0.5", "blur 2", "screenshot 1.25")


def estimate(rng: np.random.Generator, value: float | None = None) -> Estimate:
    """A figure between 0.5 and 1, or the given one, and an interval around it."""
    value = float(rng.uniform(0.5, 1)) if value is None else value
    below, above = rng.uniform(0, (0.08, 0.04)).tolist()
    return Estimate(value, max(0.0, value - below), min(1.0, value + above))


def answers(rng: np.random.Generator, frames: int) -> Answers:
    """Every approach's scores; the second of ours gives none for the first clip of all."""
    labels = np.repeat([0, 1], [sum(SOURCES.values()), sum(GENERATORS.values())])
    origins = np.repeat([*SOURCES, *GENERATORS], [*SOURCES.values(), *GENERATORS.values()])
    groups = np.array([f"person {number // 2}" for number in range(len(labels))])
    labels, origins, groups = (np.repeat(column, frames) for column in (labels, origins, groups))
    probability = {}
    for name, strength in STRENGTH.items():
        score = rng.normal(labels * strength, 1) - 1.5
        probability[name] = 1 / (1 + np.exp(-1.5 * score)) if name in PROBABLE else score
    probability["ours, fitted here"][0] = np.nan
    return Answers(labels, groups, origins, probability)


def entry(rng: np.random.Generator, name: str, clips: Answers) -> Entry:
    """What was measured of one approach: its metrics from its scores, the rest invented."""
    scored = ~np.isnan(clips.probability[name])
    labels, scores = clips.labels[scored], clips.probability[name][scored]
    shown = {key: METRICS[key] for key in METRICS if name in PROBABLE or key not in ("Brier", "ECE")}
    metrics = {key: estimate(rng, metric(labels, scores)) for key, metric in shown.items()}
    metrics["frame AUC"] = estimate(rng)
    if name in PROBABLE:
        metrics |= {"accuracy": estimate(rng), "balanced accuracy": estimate(rng)}
    against = None if name == "ours" else DeLong(metrics["AUC"].value + 0.05, metrics["AUC"].value, 0.03)
    fitted = KINDS[name] in ("ours", "control", "network") and name != "ours"
    return Entry(
        name=name,
        kind=KINDS[name],
        about=ABOUT.get(name, f"what {name} is"),
        metrics=metrics,
        generators={key: estimate(rng) for key in (*GENERATORS, "mean", "all")},
        sources={key: estimate(rng) for key in SOURCES},
        found={key: estimate(rng) for key in (*GENERATORS, "all")},
        left_out={key: estimate(rng) for key in (*GENERATORS, "mean")} if fitted else {},
        against=against,
        scored=Rate(int(scored.sum()), len(scored)),
    )


def picture(folder: Path) -> Path:
    """A tiny PNG that stands for a face, its reconstruction and their difference."""
    path = folder / "mistake.png"
    ramp = np.linspace(40, 220, 3 * 64 * 192).reshape(64, 192, 3).astype(np.uint8)
    Image.fromarray(ramp).resize((576, 192)).save(path)
    return path


def results(picture: Path | None = None, seed: int = 0) -> Results:
    """A whole benchmark, with every part; mistakes have a picture if one is given."""
    rng = np.random.default_rng(seed)
    clips, frames = answers(rng, 1), answers(rng, 4)
    conditions = ("protocol", "as found")
    return Results(
        name="the shared faces",
        facts={
            "command": "detector benchmark faces/manifest.csv --report reports/benchmark",
            "commit": "0123456789abcdef",
            "date": "2026-01-31",
            "versions": "detector 0.1.0, torch 2.11, Python 3.11",
            "protocol": "train and val fitted, test reported; 8 frames a clip; mean over frames",
        },
        alarms=("JPEG quality alone has an AUC of 0.71 (0.66 to 0.76): the files give the classes away.",),
        notes=("Faces of one clip are one group.", "Near-duplicates of training pictures are left out."),
        entries=tuple(entry(rng, name, clips) for name in KINDS),
        threshold=0.704,
        clips=clips,
        ids=tuple(f"{number:012x}" for number in range(len(clips.labels))),
        frames=frames,
        flagged={
            name: {condition: Rate(int(rng.integers(0, count + 1)), count) for condition in conditions}
            for name, count in (SOURCES | GENERATORS).items()
        },
        robustness={
            name: {key: estimate(rng, 0.5 + 0.15 * strength) for key, strength in STRENGTH.items() if strength > 0.5}
            for name in ("none", *GRID)
        },
        coverage={name: Rate(count - 1, count) for name, count in (SOURCES | GENERATORS).items()},
        missed={"unsplash": {"no_face": 3, "too_small": 1}, "clips": {"truncated": 1}},
        slices=_slices(rng),
        importance={region: float(rng.uniform(0.1, 1.5)) for region in REGIONS},
        mistakes=_mistakes(picture),
        matrix={a: {b: estimate(rng) for b in ("FF++", "Celeb-DF", "DFDC")} for a in ("FF++", "Celeb-DF", "DFDC")},
    )


def _slices(rng: np.random.Generator) -> tuple[Slice, ...]:
    kinds = {
        "skin tone (ITA)": ("above 55° (very light)", "41° to 55° (light)", "28° to 41°", "10° to 28° (tan)"),
        "face size": ("below 120 px", "120 to 240 px", "above 240 px"),
        "colour": ("grey", "colour"),
    }
    found = [
        Slice(by, name, Rate(int(rng.integers(0, 9)), 90), Rate(int(rng.integers(30, 90)), 90), estimate(rng))
        for by, names in kinds.items()
        for name in names
    ]
    return (
        *found[:3],
        replace(found[3], alarms=Rate(1, 7), found=None, auc=None),
        *found[4:-2],
        replace(found[-2], alarms=None, auc=None),
        found[-1],
    )


def _mistakes(picture: Path | None) -> tuple[Mistake, ...]:
    words = "eyes: 3.1 times the error of a typical real face at this place, most of it in fine detail"
    return (
        Mistake(0, "ffhq", "1a2b3c4d", 0.987, words, picture),
        Mistake(0, "unsplash", "99887766", 0.954, "hair: smoother than the VAE makes it", picture),
        Mistake(1, "progan", "deadbeef", 0.012, "nothing stood out", picture),
    )


def bare() -> Results:
    """One approach without a single figure, one class, no extras: the least that a benchmark can end with."""
    clips = Answers(np.zeros(1, np.int64), np.array(["one"]), np.array(["camera"]), {"ours": np.array([np.nan])})
    nan = Estimate(np.nan, np.nan, np.nan)
    only = Entry("ours", "ours", "", {"AUC": nan}, {}, {}, {}, Rate(0, 1))
    return Results(
        name="bare", facts={}, alarms=(), notes=(), entries=(only,), threshold=0.5, clips=clips, frames=clips,
        ids=("0",),
        flagged={}, robustness={}, coverage={}, missed={}, slices=(), importance={}, mistakes=(),
    )  # fmt: skip
