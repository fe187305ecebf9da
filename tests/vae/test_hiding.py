"""Hidden squares: the encoder does not see them, and what is said of them comes from the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from detector.errors import ConfigError
from detector.vae.config import VaeConfig
from detector.vae.hiding import FromTheRest, chessboard, hide
from detector.vae.loading import FaceVaeReconstructor
from detector.vae.model import FaceVae

MODEL = VaeConfig(size=32, widths=(16, 24), encoder_blocks=(1, 1), decoder_blocks=(1, 1), latent=8)


def reconstructor(config: VaeConfig = MODEL) -> FromTheRest:
    torch.manual_seed(0)
    model = FaceVae(config)
    for values in model.parameters():  # a fresh model's deep paths are closed
        torch.nn.init.normal_(values, std=0.05)
    return FromTheRest(FaceVaeReconstructor(model, "0" * 12, "masked"), cell=8)


def test_a_board_of_four() -> None:
    board = chessboard(4, 2).int().tolist()
    assert board == [[0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 0, 0], [1, 1, 0, 0]]


@given(st.integers(1, 8), st.integers(2, 5))
def test_neighbouring_squares_differ(cell: int, count: int) -> None:
    board = chessboard(cell * count, cell)
    assert (board[:-cell] != board[cell:]).all()
    assert (board[:, :-cell] != board[:, cell:]).all()


def test_hidden_is_grey_and_the_rest_as_it_was() -> None:
    pixels, board = torch.rand(2, 3, 8, 8), chessboard(8, 4)
    seen = hide(pixels, board)
    assert (seen[:, :, board] == 0.5).all()
    assert torch.equal(seen[:, :, ~board], pixels[:, :, ~board])


def test_what_is_said_of_a_square_does_not_depend_on_it() -> None:
    """Another content of one square changes the picture around it, and not the picture of itself."""
    model, pixels = reconstructor(), torch.rand(1, 3, 32, 32)
    other = pixels.clone()
    other[:, :, 8:16, 8:16] = torch.rand(1, 3, 8, 8)
    one, two = model(pixels), model(other)
    assert torch.equal(one.pixels[:, :, 8:16, 8:16], two.pixels[:, :, 8:16, 8:16])
    assert not torch.allclose(one.pixels[:, :, 8:16, 16:24], two.pixels[:, :, 8:16, 16:24])
    assert one.nll is not None
    assert two.nll is not None
    assert not torch.allclose(one.nll[:, 8:16, 8:16], two.nll[:, 8:16, 8:16])


def test_it_is_a_reconstructor() -> None:
    made = reconstructor()(torch.rand(3, 3, 32, 32))
    assert made.pixels.shape == (3, 3, 32, 32)
    assert made.nll is not None
    assert made.entropy is not None
    assert made.nll.shape == made.entropy.shape == (3, 32, 32)
    assert made.second is not None
    assert (made.entropy >= 0).all()


def test_without_a_likelihood_it_says_so() -> None:
    with pytest.raises(ConfigError, match='kind "ae" has no likelihood'):
        reconstructor(replace(MODEL, kind="ae"))(torch.rand(1, 3, 32, 32))
