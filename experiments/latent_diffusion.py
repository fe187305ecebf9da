"""A small diffusion prior over the embedded VAE's latents: is a latent that it denoises badly, or too well, a fake's?

    DETECTOR_MODELS=../shared/models python experiments/latent_diffusion.py experiments/vae-family.toml

A convolutional denoiser learns the posterior means (32, 16, 16) of the real crops that the VAE learnt from (Ho et al.
2020, eq. 14). Its error at a few noise levels stands for the likelihood of a latent (eq. 12: the bound is a sum of such
errors). Printed: AUC of each error by itself, as a score that never met a fake, and what the errors are worth as
features, alone and beside those of the embedded VAE, by the protocol and on the faces of the config.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from detector import config
from detector.benchmark.measures.metrics import auc
from detector.benchmark.vae_study.cut import CutFaces
from detector.benchmark.vae_study.separation import Who, separation
from detector.benchmark.vae_study.vae import VaeStudy, crops_of
from detector.benchmark.vae_study.vae_family import BASE, FamilyStudy, faces_of, tables_of
from detector.types import FeatureTable
from detector.vae import load_reconstructor
from detector.vae.loading import FaceVaeReconstructor
from detector.vae.networks import blocks, zeroed

CROPS, STEPS, BATCH, WIDTH = 2400, 800, 16, 64
LEVELS = (0.1, 0.3, 0.6, 1.0)
"""Noise levels, angles in radians: the noisy latent is cos(level) z + sin(level) e."""


class Denoiser(nn.Module):
    """A noisy latent (N, C, h, w), in units of the reals' deviation by channel, and its level to the noise in it."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, latents: Tensor) -> None:
        super().__init__()
        channels = latents.shape[1]
        self.register_buffer("mean", latents.mean((0, 2, 3))[:, None, None])
        self.register_buffer("deviation", latents.std((0, 2, 3))[:, None, None])
        self.enter = nn.Conv2d(channels + 2, WIDTH, 3, padding=1)
        self.body = blocks(3, WIDTH)
        self.leave = zeroed(nn.Conv2d(WIDTH, channels, 1))

    def errors(self, latents: Tensor, level: Tensor) -> Tensor:
        """Squared error of the noise, mean over channels, (N, h, w), for (N, C, h, w) latents and (N,) levels."""
        clean = (latents - self.mean) / self.deviation
        noise = torch.randn_like(clean)
        cosine, sine = (f(level).view(-1, 1, 1, 1) for f in (torch.cos, torch.sin))
        noisy = cosine * clean + sine * noise
        told = [plane.expand(-1, 1, *clean.shape[2:]) for plane in (cosine, sine)]
        guess = sine * noisy + self.leave(F.silu(self.body(self.enter(torch.cat([noisy, *told], dim=1)))))
        return (guess - noise).square().mean(1)


@torch.inference_mode()
def encoded(model: FaceVaeReconstructor, pixels: np.ndarray) -> Tensor:
    """Posterior means of (N, 3, S, S) pixels in [0, 1]."""
    parts = torch.split(torch.as_tensor(pixels), 16)
    return torch.cat([model.model.encode(part.contiguous(memory_format=torch.channels_last))[0].mean for part in parts])


def learn(latents: Tensor) -> Denoiser:
    """A denoiser of these latents, levels drawn uniformly."""
    torch.manual_seed(0)
    model = Denoiser(latents)
    optimiser = torch.optim.AdamW(model.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for step in range(STEPS):
        some = latents[torch.randint(len(latents), (BATCH,))].float()
        with torch.autocast("cpu", torch.bfloat16):
            loss = model.errors(some, 0.05 + 1.4 * torch.rand(BATCH)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 100 == 0 or step == STEPS - 1:
            print(f"step {step}: error {loss.item():.4f}", flush=True)
    return model.eval()


@torch.inference_mode()
def rows(model: Denoiser, vae: FaceVaeReconstructor, parts: Iterator[CutFaces]) -> FeatureTable:
    """Of each face, for each view and level: log of the mean error over its crops, and of its spread over positions."""
    found: list[list[float]] = []
    for part in parts:
        latents = encoded(vae, part.crops.pixels)
        torch.manual_seed(0)
        errors = [model.errors(latents, torch.full((len(latents),), level)).numpy() for level in LEVELS]
        for face in range(len(part.samples)):
            mine = [(part.crops.faces == face) & shown for shown in (part.crops.whole, part.crops.native)]
            found.append([value for rows in mine for level in errors for value in _numbers(level[rows])])
    names = [
        f"diffusion.{view}.error_{level:g}.whole.{statistic}"
        for view in ("whole", "native")
        for level in LEVELS
        for statistic in ("log", "spread")
    ]
    return FeatureTable(np.array(found, np.float32), tuple(names))


def _numbers(errors: np.ndarray) -> tuple[float, float]:
    return float(np.log(errors.mean())), float(np.log(errors.std() / errors.mean()))


def main(path: Path) -> None:
    torch.set_num_threads(1)
    study = config.load(FamilyStudy, path)
    vae = load_reconstructor(BASE)
    assert isinstance(vae, FaceVaeReconstructor)
    crops = crops_of(VaeStudy(study.training, study.crops, study.faces, work=study.work), "train").pixels
    chosen = np.linspace(0, len(crops) - 1, CROPS).astype(int)
    model = learn(
        torch.cat([encoded(vae, crops[part] / np.float32(255)).half() for part in np.array_split(chosen, 50)])
    )
    table = rows(model, vae, faces_of(study, vae.size))
    base, who = tables_of(study, {BASE: vae})
    one_class(table, who)
    for name, some in (("errors alone", table), (BASE, base[BASE]), ("both", base[BASE].join(table))):
        told = separation(some, who, study.strength)
        print(f"{name}: met {told.met['mean']}, left out {told.left_out['mean']}", flush=True)


def one_class(table: FeatureTable, who: Who) -> None:
    """AUC of each error by itself; below 0.5 where fakes are denoised better."""
    for name, column in zip(table.names, table.values.T.astype(np.float64), strict=True):
        parts = [(who.labels == 0) | (who.origins == generator) for generator in who.generators]
        figures = [auc(who.labels[part], column[part]) for part in parts]
        each = ", ".join(f"{g} {a:.3f}" for g, a in zip(who.generators, figures, strict=True))
        print(f"{name}: mean AUC {np.mean(figures):.3f} ({each})")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
