"""What a stage could take at best: its arithmetic at the machine's matrix rate, its bytes at the machine's bandwidth.

The roofline of Williams, Waterman & Patterson 2009 (Communications of the ACM 52(4)):
time >= max(FLOPs / peak rate, bytes / bandwidth), both peaks measured here, on as many threads as the stage has.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from detector.bench.rounds import Stage, clocked

REPEATS = 15
COPIED = 1 << 28
"""Bytes; larger than any cache."""
SQUARE, SQUARE_ON_DEVICE = 1024, 8192
"""Sides of matrices that leave a core, or an accelerator, nothing to wait for."""


@dataclass(frozen=True)
class Product:
    """A matrix product: rows x inner times inner x columns, in this precision."""

    rows: int
    inner: int
    columns: int
    dtype: torch.dtype = torch.float32

    @property
    def flops(self) -> int:
        """Each multiplication and each addition is one."""
        return 2 * self.rows * self.inner * self.columns


@dataclass(frozen=True)
class Work:
    """What one run of a stage asks of the machine.

    Attributes:
        flops: of its matrix products and convolutions; elementwise arithmetic costs its bytes.
        moved: bytes that its operations read and write, each by itself, as if no cache kept anything between two.
        largest: the largest of its convolutions, of one crop or picture, as a matrix product.
    """

    flops: int = 0
    moved: int = 0
    largest: Product | None = None

    def __sub__(self, other: Work) -> Work:
        return Work(self.flops - other.flops, self.moved - other.moved, self.largest)


@dataclass(frozen=True)
class Rates:
    """What the machine can do: FLOP/s of matrix products, and bytes/s read and written while copying."""

    flops: float
    moved: float

    def floor(self, work: Work) -> float:
        """The least time for some work, in s."""
        return max(self.arithmetic(work), work.moved / self.moved)

    def arithmetic(self, work: Work) -> float:
        """The least time for its arithmetic alone, in s."""
        return work.flops / self.flops


def works(stages: Sequence[Stage], tick: Callable[[], object]) -> dict[str, Work]:
    """What every stage asks for, counted in one run; what `Stage.less` names is taken off."""
    raw: dict[str, Work] = {}
    for stage in stages:
        counted = count(stage.run)
        raw[stage.name] = counted if counted.moved else Work(moved=stage.moved)
        tick()
    return {stage.name: raw[stage.name] - raw[stage.less] if stage.less else raw[stage.name] for stage in stages}


def count(run: Callable[[], object]) -> Work:
    """What the Torch operations of a run ask for, those on this thread."""
    with _Traffic() as traffic, FlopCounterMode(display=False) as counter:
        run()
    return Work(counter.get_total_flops(), traffic.moved, traffic.largest)


def machine_rates(largest: Product | None, device: torch.device) -> Rates:
    """Measure what the machine can do on the threads that Torch may use now.

    Args:
        largest: the largest layer: its product is tried beside a large square one, and the faster one counts.
        device: where.
    """
    side = SQUARE if device.type == "cpu" else SQUARE_ON_DEVICE
    square = Product(side, side, side, largest.dtype if largest else torch.float32)
    products = [square, largest] if largest else [square]
    return Rates(max(matrix_rate(product, device) for product in products), copy_rate(device))


def matrix_rate(product: Product, device: torch.device) -> float:
    """FLOP/s of the fastest of some runs of a matrix product."""
    shapes = ((product.rows, product.inner), (product.inner, product.columns), (product.rows, product.columns))
    one, other, result = (torch.ones(shape, dtype=product.dtype, device=device) for shape in shapes)
    with _precision_of_convolutions():
        return product.flops / _fastest(lambda: torch.mm(one, other, out=result), device)


def copy_rate(device: torch.device) -> float:
    """Bytes/s, read and written, of the fastest of some copies of memory."""
    source, target = (torch.ones(COPIED, dtype=torch.uint8, device=device) for _ in range(2))
    return 2 * COPIED / _fastest(lambda: target.copy_(source), device)


def _fastest(run: Callable[[], object], device: torch.device) -> float:
    """Seconds; nothing makes a run faster than the machine is, but much makes it slower."""
    run()
    return min(clocked(run, device).wall for _ in range(REPEATS))


@contextmanager
def _precision_of_convolutions() -> Iterator[None]:
    """On an accelerator float32 convolutions may be rounded inside; products then are so too."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


class _Traffic(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up what operations read and write, and remembers the largest convolution."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.moved = 0
        self.largest: Product | None = None

    def __torch_dispatch__(
        self, func: Any, _types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        read, written = _tensors((args, kwargs)), _tensors(out)
        if not _only_looks(func, read, written):
            self.moved += sum(map(_bytes, read + written))
        if func is torch.ops.aten.convolution.default:
            self._remember(args[1], out)
        return out

    def _remember(self, weight: Tensor, out: Tensor) -> None:
        product = Product(len(weight), weight[0].numel(), math.prod(out.shape[2:]), weight.dtype)
        if self.largest is None or product.flops > self.largest.flops:
            self.largest = product


def _tensors(tree: object) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _only_looks(func: Any, read: Sequence[Tensor], written: Sequence[Tensor]) -> bool:
    """Whether an operation touches no memory: it gives another view of it, or memory that nobody has filled."""
    if func._schema.is_mutable:
        return False
    places = {tensor.untyped_storage().data_ptr() for tensor in read}
    empty = func.overloadpacket.__name__.startswith(("empty", "new_empty"))
    return empty or all(tensor.untyped_storage().data_ptr() in places for tensor in written)


def _bytes(tensor: Tensor) -> int:
    """Of memory behind a tensor: one that is repeated along an axis has less than its size."""
    return min(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes())
