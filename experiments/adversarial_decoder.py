"""A small GAN: the embedded VAE's decoder taught against a patch discriminator, to make training fakes with.

    DETECTOR_MODELS=../shared/models python experiments/adversarial_decoder.py experiments/face-vae.toml

The encoder stays; the decoder learns from the crops of real faces that the VAE learnt from. It is given codes with
noise, zero to four deviations of the posterior (as ``vae-sample`` gives it), so that there is detail to invent, and is
judged by a discriminator of patches (Isola et al. 2017, section 3.2) with the hinge loss, beside the absolute error,
the two balanced by their gradients at the last layer (Esser et al. 2021, equations 6 and 7). The weights go to
``runs/adversarial/face-vae.safetensors``, where `load_reconstructor("face-vae:PATH")` reads them. A killed training
goes on at its last checkpoint. Printed: losses, and what the round trip of real crops of `val` does to their spectrum.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from tqdm import trange

from detector import config, weights
from detector.benchmark.vae_study.vae import VaeStudy, crops_of
from detector.features.local import luma
from detector.features.spectrum import block_power
from detector.types import Pixels
from detector.vae.grids import reconstructions, tile
from detector.vae.loading import ASSET, load_model, save_model
from detector.vae.model import FaceVae
from detector.vae.networks import to_signal

OUT = Path("runs/adversarial")
WEIGHTS = OUT / "face-vae.safetensors"
STEPS, ALONE, BATCH, PATCH, RATE, JUDGES_RATE = 500, 150, 8, 64, 1e-3, 1e-3
"""Of the steps, the first `ALONE` teach the discriminator only; sides in px."""
HOTTEST = 4.0
"""The strongest noise in a code, in deviations of its posterior."""
SHARE = 3.0
"""Of the adversary in the decoder's loss, by the gradients at the last layer; the absolute error has 1."""
AMPLIFIED = 10.0
"""What the discriminator is shown of the finest detail, in multiples of what there is."""
EVERY, SEED, MEASURED = 100, 0, 192


class PatchDiscriminator(nn.Module):
    """Pixels (N, 3, S, S) in [0, 1] to a margin per patch of 34 px, (N, 1, s, s); higher is more real.

    It is shown the detail finer than 3 px too, amplified: beside faces it is too faint for a few hundred steps.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        stages = [nn.Conv2d(6, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for inside, stride in ((width, 2), (2 * width, 1)):
            conv = nn.Conv2d(inside, 2 * inside, 4, stride, 1, bias=False)
            stages += [conv, nn.GroupNorm(8, 2 * inside), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*stages, nn.Conv2d(4 * width, 1, 4, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        signal = to_signal(pixels)
        fine = signal - F.avg_pool2d(signal, 3, 1, 1, count_include_pad=False)
        margin: Tensor = self.body(torch.cat([signal, AMPLIFIED * fine], dim=1))
        return margin


@dataclass
class Players:
    """The VAE whose decoder learns, its adversary, their optimisers, and how many steps are done."""

    vae: FaceVae
    judge: PatchDiscriminator
    makes: torch.optim.Adam
    judges: torch.optim.Adam
    step: int = 0

    @classmethod
    def new(cls) -> Players:
        torch.manual_seed(SEED)
        vae = load_model(weights.asset(ASSET)).requires_grad_(False)
        vae.decoder.requires_grad_(True)
        judge = PatchDiscriminator().to(memory_format=torch.channels_last)
        makes = torch.optim.Adam(vae.decoder.parameters(), RATE, (0.5, 0.9))
        return cls(vae, judge, makes, torch.optim.Adam(judge.parameters(), JUDGES_RATE, (0.5, 0.9)))

    def parts(self) -> Mapping[str, nn.Module | torch.optim.Adam]:
        """Everything that a checkpoint holds beside the step."""
        return {"decoder": self.vae.decoder, "judge": self.judge, "makes": self.makes, "judges": self.judges}

    def save(self, path: Path) -> None:
        """Write all, whole or not at all."""
        partial = path.with_suffix(".partial")
        torch.save({"step": self.step, **{name: part.state_dict() for name, part in self.parts().items()}}, partial)
        partial.replace(path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint."""
        kept = torch.load(path, weights_only=True)
        self.step = kept["step"]
        for name, part in self.parts().items():
            part.load_state_dict(kept[name])


def play(players: Players, crops: Pixels) -> dict[str, float]:
    """One step of both; what is random in it follows from its number alone."""
    rng = np.random.default_rng((SEED, players.step))
    torch.manual_seed(int(rng.integers(2**63)))
    real = _patches(crops, rng)
    made = players.vae.decode(noisy_codes(players.vae, real, torch.from_numpy(rng.uniform(0, HOTTEST, BATCH)))).pixels
    judged = F.relu(1 - players.judge(real)).mean() + F.relu(1 + players.judge(made.detach())).mean()
    _learn(players.judges, judged)
    error = (made - real).abs().mean()
    if players.step >= ALONE:
        fooled = -players.judge(made).mean()
        _learn(players.makes, error + SHARE * _balance(error, fooled, players.vae.decoder.leave.weight) * fooled)
    players.step += 1
    return {"hinge": judged.item(), "error": error.item()}


@torch.no_grad()
def noisy_codes(vae: FaceVae, pixels: Tensor, temperatures: Tensor) -> Tensor:
    """The posterior means of (N, 3, S, S) pixels, with noise of (N,) temperatures, in deviations of the posterior."""
    codes, _ = vae.encode(pixels)
    assert codes.logvar is not None
    deviation = (codes.logvar / 2).exp() * temperatures.to(codes.mean).view(-1, 1, 1, 1)
    disturbed: Tensor = codes.mean + deviation * torch.randn_like(codes.mean)
    return disturbed


def _patches(crops: Pixels, rng: np.random.Generator) -> Tensor:
    rows = np.sort(rng.integers(len(crops), size=BATCH))
    y, x = rng.integers(crops.shape[-1] - PATCH + 1, size=2)
    cut = np.array(crops[rows][..., y : y + PATCH, x : x + PATCH])
    return (torch.from_numpy(cut).float() / 255).contiguous(memory_format=torch.channels_last)


def _balance(error: Tensor, fooled: Tensor, last: Tensor) -> Tensor:
    """Equation 7 of Esser et al. 2021."""
    own, adverse = (torch.autograd.grad(loss, last, retain_graph=True)[0].norm() for loss in (error, fooled))
    weight: Tensor = (own / (adverse + 1e-6)).clamp(max=1e4).detach()
    return weight


def _learn(optimiser: torch.optim.Adam, loss: Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()


def train(crops: Pixels) -> FaceVae:
    """Train, or go on; the weights and the last checkpoint lie in `OUT`."""
    OUT.mkdir(parents=True, exist_ok=True)
    players, checkpoint = Players.new(), OUT / "checkpoint.pt"
    if checkpoint.exists():
        players.load(checkpoint)
    for step in trange(players.step, STEPS, initial=players.step, total=STEPS, unit="step"):
        told = play(players, crops)
        if players.step % EVERY == 0:
            print(f"step {step + 1}: " + ", ".join(f"{name} {value:.4f}" for name, value in told.items()), flush=True)
            players.save(checkpoint)
    save_model(players.vae, WEIGHTS, {"steps": str(players.step)})
    return load_model(WEIGHTS)


@torch.inference_mode()
def made_of(vae: FaceVae, crops: Tensor, temperature: float) -> Tensor:
    """What a VAE makes of crops (N, 3, S, S) whose codes have noise of a temperature in them."""
    torch.manual_seed(SEED)
    parts = [noisy_codes(vae, some, torch.full((len(some),), temperature)) for some in torch.split(crops, BATCH)]
    return torch.cat([vae.decode(codes).pixels for codes in parts])


def bands(pictures: Tensor) -> npt.NDArray[np.float64]:
    """(8,) mean power of the luma of pictures at 1/16, 2/16 ... 8/16 cycles per px, in decibels."""
    power = block_power(luma(pictures)).double().mean((0, 2, 3)).view(16, 9)
    rows, columns = torch.fft.fftfreq(16)[:, None], torch.fft.rfftfreq(16)[None]
    radius = (16 * (rows.square() + columns.square()).sqrt()).round()
    return np.array([10 * np.log10(power[radius == band].mean().item()) for band in range(1, 9)])


def report(plain: FaceVae, taught: FaceVae, crops: Tensor) -> None:
    """Pictures into `OUT`; printed, by temperature, how far the spectra and the pixels of both are from the crops'."""
    for name, vae in (("plain", plain), ("adversarial", taught)):
        Image.fromarray(reconstructions(vae, crops[::24])).save(OUT / f"{name}.png")
        Image.fromarray(tile(made_of(vae, crops[::24], HOTTEST), 8)).save(OUT / f"{name}-noisy.png")
        for temperature in (0.0, HOTTEST / 2, HOTTEST):
            made = made_of(vae, crops, temperature)
            gap = bands(made) - bands(crops)
            psnr = -10 * (made - crops).square().mean((1, 2, 3)).log10().mean().item()
            told = " ".join(f"{one:+.2f}" for one in gap)
            print(f"{name}, noise {temperature:g}: {np.sqrt((gap**2).mean()):.2f} dB ({told}), PSNR {psnr:.2f} dB")


def main(path: Path) -> None:
    torch.set_num_threads(1)
    study = config.load(VaeStudy, path)
    taught = train(crops_of(study, "train").pixels)
    val = crops_of(study, "val").pixels
    rows = np.linspace(0, len(val) - 1, MEASURED).astype(int)
    report(load_model(weights.asset(ASSET)), taught, torch.from_numpy(np.array(val[rows])).float() / 255)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
