"""Fakes that a study makes of its own training faces: which, of which pictures, and what their makers are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detector.benchmark.extraction.meeting import Tools
from detector.errors import MediaError
from detector.fakes import Decode, Workshop, load_fake_maker
from detector.fakes.square import shrink
from detector.media import open_media
from detector.types import MADE, Face, Frame, Sample
from detector.vae import Reconstructor, load_reconstructor
from detector.weights import sha256

if TYPE_CHECKING:
    from detector.benchmark.study.study import Study


def made_samples(reals: Sequence[Sample], study: Study) -> list[Sample]:
    """The fakes of the real pictures among some samples: `Study.fakes_each` a picture, the makers in turn.

    Each keeps its picture's group and split: wherever the picture is held out, so is what was made of it.
    """
    names, each = study.fakes, study.fakes_each
    pictures = [sample for sample in reals if sample.label == 0] if names else []
    return [
        replace(sample, label=1, generator=MADE + names[(place * each + number) % len(names)])
        for place, sample in enumerate(pictures)
        for number in range(each)
    ]


def with_makers(tools: Tools, reals: Sequence[Sample], study: Study) -> Tools:
    """The tools, with the makers that a study names; donors are some of the real pictures that train."""
    if not study.fakes:
        return tools
    models = tuple(load_reconstructor(spec) for spec in study.fakes_reconstructors)
    chosen = _thinned([sample for sample in reals if sample.label == 0], study.fakes_donors)
    workshop = Workshop(models, _donors(chosen, tools), _samplers(models))
    words = [f"{model.name} {model.version}" for model in models] + [sha256(Path(one.path)) for one in chosen]
    makers = {name: load_fake_maker(name, workshop) for name in study.fakes}
    return replace(tools, makers=makers, bench=" ".join(words))


def _donors(samples: Sequence[Sample], tools: Tools) -> tuple[tuple[Frame, Face], ...]:
    found = []
    for sample in samples:
        try:
            frame = next(iter(open_media(Path(sample.path)).frames()))
        except MediaError:
            continue
        found += [shrink(frame, face) for face in tools.detectors[0]([frame])[0][:1]]
    return tuple(found)


def _samplers(models: Sequence[Reconstructor]) -> tuple[tuple[Reconstructor, Decode], ...]:
    decoders: list[tuple[Reconstructor, Decode | None]] = [(model, getattr(model, "decode", None)) for model in models]
    return tuple((model, decode) for model, decode in decoders if decode is not None)


def _thinned(samples: Sequence[Sample], most: int) -> list[Sample]:
    places = np.linspace(0, len(samples), min(most, len(samples)), endpoint=False).astype(int)
    return [samples[place] for place in places]
