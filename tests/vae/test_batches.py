"""Running a model over crops: any number of them, bounded memory, and no wrong input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from detector.errors import ShapeError, UsageError
from detector.types import Reconstruction
from detector.vae.batches import reconstruct
from detector.vae.room import MAX_PIXELS, Room

CPU = torch.device("cpu")


class Halver:
    """Halves the brightness; every field tells where it came from. Remembers the batches it met."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, pixels: Tensor) -> Reconstruction:
        assert torch.is_inference_mode_enabled()
        assert pixels.dtype == torch.float32
        self.batches.append(len(pixels))
        code = pixels.mean(dim=(2, 3), keepdim=True)
        return Reconstruction(pixels / 2, code, logvar=-code, kl=code[:, 0], hidden=pixels)


def crops(count: int, side: int = 8) -> Tensor:
    return torch.rand((count, 3, side, side), generator=torch.Generator().manual_seed(1))


def test_sub_batches_change_nothing_but_memory() -> None:
    pixels, halver = crops(10, side=128), Halver()
    result = reconstruct(halver, pixels, CPU, stride=8)
    assert max(halver.batches) * 128 * 128 <= MAX_PIXELS
    assert sum(halver.batches) == 20
    assert len(halver.batches) > 2
    torch.testing.assert_close(result.pixels, pixels / 2)
    torch.testing.assert_close(result.mean, pixels.mean(dim=(2, 3), keepdim=True))
    assert result.nll is None
    assert result.second is not None
    torch.testing.assert_close(result.second.pixels, pixels / 4)
    assert result.second.second is None


def test_one_pass_when_one_is_asked_for() -> None:
    halver = Halver()
    assert reconstruct(halver, crops(2), CPU, 8, second_pass=False).second is None
    assert halver.batches == [2]


def test_a_crop_larger_than_the_bound_goes_alone() -> None:
    halver, side = Halver(), 512
    assert side**2 > MAX_PIXELS
    reconstruct(halver, torch.zeros(2, 3, side, side), CPU, 8, second_pass=False)
    assert halver.batches == [1, 1]


def test_no_crop_gives_no_reconstruction_of_the_right_shape() -> None:
    result = reconstruct(Halver(), np.empty((0, 3, 16, 16), np.float32), CPU, 8)
    assert result.pixels.shape == (0, 3, 16, 16)
    assert result.hidden is not None
    assert result.hidden.shape == (0, 3, 16, 16)
    assert result.second is not None
    assert result.second.mean.shape == (0, 3, 1, 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_are_as_good_as_tensors(dtype: type[np.floating]) -> None:
    pixels = crops(3)
    result = reconstruct(Halver(), pixels.numpy().astype(dtype), CPU, 8, second_pass=False)
    torch.testing.assert_close(result.pixels, pixels / 2)


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        (torch.zeros(1, 3, 12, 12), "multiple of 8, got 12"),
        (torch.zeros(1, 3, 16, 8), "expected shape"),
        (torch.zeros(1, 1, 8, 8), "expected shape"),
        (torch.zeros(3, 8, 8), "expected shape"),
        (torch.zeros(1, 3, 0, 0), "multiple of 8, got 0"),
        (torch.full((1, 3, 8, 8), 255.0), r"\[0, 1\], got 255 to 255"),
        (torch.full((1, 3, 8, 8), -0.1), r"\[0, 1\], got -0\.1"),
        (torch.full((1, 3, 8, 8), torch.nan), r"\[0, 1\], got nan"),
    ],
)
def test_wrong_pixels_are_refused(pixels: Tensor, says: str) -> None:
    halver = Halver()
    with pytest.raises(ShapeError, match=says):
        reconstruct(halver, pixels, CPU, 8)
    assert halver.batches == []


class Cramped(Halver):
    """Has memory for so many crops at once, and no more."""

    def __init__(self, crops: int) -> None:
        super().__init__()
        self.crops = crops

    def __call__(self, pixels: Tensor) -> Reconstruction:
        made = super().__call__(pixels)
        if len(pixels) > self.crops:
            raise torch.OutOfMemoryError("out of memory")
        return made


@pytest.mark.parametrize(
    ("memory", "tried"),
    [(8, [8, 8, 5]), (7, [8, 4, 4, 4, 4, 4, 1]), (2, [8, 4, *[2] * 10, 1]), (1, [8, 4, 2, *[1] * 21])],
)
def test_where_memory_runs_out_half_as_many_go_on(memory: int, tried: list[int]) -> None:
    pixels, cramped = crops(21, side=128), Cramped(memory)
    result = reconstruct(cramped, pixels, CPU, 8, second_pass=False)
    assert cramped.batches == tried
    torch.testing.assert_close(result.pixels, pixels / 2)
    torch.testing.assert_close(result.mean, pixels.mean(dim=(2, 3), keepdim=True))


def test_a_second_pass_that_runs_out_of_memory_halves_both() -> None:
    pixels, halver, cramped = crops(8, side=128), Halver(), Cramped(4)
    result = reconstruct(halver, pixels, CPU, 8, again=cramped)
    assert (halver.batches, cramped.batches) == ([8, 4, 4], [8, 4, 4])
    assert result.second is not None
    torch.testing.assert_close(result.second.pixels, pixels / 4)


def test_what_memory_took_is_remembered() -> None:
    cramped, room = Cramped(3), Room()
    for _ in range(2):
        reconstruct(cramped, crops(4, side=128), CPU, 8, second_pass=False, room=room)
    assert cramped.batches == [4, 2, 2, 2, 2]
    reconstruct(cramped, crops(10, side=64), CPU, 8, second_pass=False, room=Room(2 * 128 * 128))
    assert cramped.batches[5:] == [8, 4, 2, 2, 2, 2, 2], "in pixels, whatever the side"


def test_no_memory_for_one_crop_is_a_clear_error() -> None:
    cramped = Cramped(0)
    with pytest.raises(UsageError, match="a single crop of 128 px needs more memory") as error:
        reconstruct(cramped, crops(4, side=128), CPU, 8)
    assert cramped.batches == [4, 2, 1]
    assert error.value.__context__ is None, "nothing that was computed is kept alive"


def test_another_error_is_not_taken_for_it() -> None:
    def broken(_: Tensor) -> Reconstruction:
        raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        reconstruct(broken, crops(4), CPU, 8)


def test_a_gpu_is_given_more_at_once() -> None:
    assert Room.on(CPU).pixels == MAX_PIXELS < Room.on(torch.device("cuda")).pixels


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_says_what_the_cpu_says() -> None:
    from detector.vae.loading import load_face_vae

    pixels = crops(40, side=128)
    one, other = load_face_vae()(pixels), load_face_vae(device="cuda")(pixels)
    torch.testing.assert_close(other.pixels.cpu(), one.pixels, atol=1e-4, rtol=0)
    torch.testing.assert_close(other.mean.cpu(), one.mean, atol=1e-3, rtol=1e-4)
