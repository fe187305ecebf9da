"""Parts of a crop that are hidden from the encoder, and what a model predicts there from the rest.

He et al. 2022 (Masked autoencoders, section 3) for a convolutional VAE: hidden squares are grey, because a
convolution has to be given something there.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from detector.errors import ConfigError
from detector.types import Array, Reconstruction
from detector.vae.batches import reconstruct
from detector.vae.likelihood import to_levels
from detector.vae.loading import FaceVaeReconstructor

_GREY = 0.5


def chessboard(side: int, cell: int) -> Tensor:
    """(side, side) bool, True on one colour of a board whose squares are `cell` px wide; the first is False."""
    place = torch.arange(side) // cell
    return (place[:, None] + place[None, :]) % 2 == 1


def hide(pixels: Tensor, hidden: Tensor) -> Tensor:
    """Pixels (N, 3, S, S) with grey where (S, S) `hidden` is True."""
    return pixels.masked_fill(hidden.to(pixels.device), _GREY)


class FromTheRest:
    """A model of the family as a reconstructor that is shown every pixel's surroundings, but not the pixel.

    The crop goes through the model twice, each time with the other colour of a chessboard hidden; `pixels`, `nll` and
    `entropy` are those of the squares that were hidden. `mean`, `logvar`, `kl` and `hidden` are those of the crop.
    """

    def __init__(self, whole: FaceVaeReconstructor, cell: int) -> None:
        """Of a model behind the plain interface, trained with `VaeTrainConfig.hide` = `cell`."""
        self.whole, self.cell = whole, cell
        self.name, self.version, self.size, self.device = whole.name, whole.version, whole.size, whole.device

    def __call__(self, pixels: Array | Tensor, second_pass: bool = True) -> Reconstruction:
        """Predict (N, 3, S, S) pixels in [0, 1]; `ShapeError` for another shape, range or side."""
        return reconstruct(self._step, pixels, self.device, self.whole.model.config.stride, second_pass)

    def _step(self, crops: Tensor) -> Reconstruction:
        board = chessboard(crops.shape[-1], self.cell).to(crops.device)
        one, other = (self._predict(crops, hidden) for hidden in (board, ~board))
        pixels, nll, entropy = (torch.where(board, a, b) for a, b in zip(one, other, strict=True))
        return replace(self.whole(crops, second_pass=False), pixels=pixels, nll=nll, entropy=entropy)

    def _predict(self, crops: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The mean picture, the NLL and the entropy of `crops`, of which the model sees what is not hidden."""
        seen = hide(crops, hidden).contiguous(memory_format=torch.channels_last)
        decoded = self.whole.model.decode(self.whole.model.encode(seen)[0].decodable)
        levels, likelihood = to_levels(crops), decoded.distribution
        if likelihood is None:
            raise ConfigError(f'kind "{self.whole.model.config.kind}" has no likelihood: hide nothing from it')
        return decoded.pixels, likelihood.nll(levels).mean(1), likelihood.entropy(levels).mean(1)
