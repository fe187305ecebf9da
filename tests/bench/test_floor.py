"""What is counted, against what can be counted by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from detector.bench.floor import Product, Rates, Work, copy_rate, count, machine_rates, matrix_rate, works
from detector.bench.rounds import Stage

CPU = torch.device("cpu")


def test_a_product_of_matrices() -> None:
    one, other = torch.rand(30, 40), torch.rand(40, 50)
    work = count(lambda: one @ other)
    assert work.flops == 2 * 30 * 40 * 50
    assert work.moved == 4 * (30 * 40 + 40 * 50 + 30 * 50)


def test_what_elementwise_operations_move() -> None:
    values = torch.rand(1000)
    assert count(lambda: values + 1) == Work(0, 4 * 2000)
    assert count(lambda: values.add_(1)).moved == 4 * 2000, "in place it is read and written too"


@pytest.mark.parametrize("look", [lambda x: x[2:], lambda x: x.view(5, 200), lambda x: x.expand(7, 1000)])
def test_a_view_moves_nothing(look: Callable[[torch.Tensor], object]) -> None:
    values = torch.rand(1000)
    assert count(lambda: look(values)).moved == 0


def test_what_is_repeated_is_read_once() -> None:
    values = torch.rand(1).expand(1000)
    assert count(lambda: values.clone()).moved == 4 + 4 * 1000


@pytest.mark.parametrize("inference", [False, True])
def test_convolutions(inference: bool) -> None:
    """Also where gradients are off for good, as in the reconstructors: Torch hands its operations out whole there."""
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=8, padding=1))
    pixels = torch.rand(2, 3, 16, 20)
    with torch.inference_mode(inference):
        work = count(lambda: network(pixels))
    assert work.flops == 2 * 2 * 16 * 20 * (8 * 27 + 8 * 9)
    assert work.largest == Product(8, 27, 16 * 20), "of one picture"
    assert work.largest.flops == 2 * 8 * 27 * 16 * 20


def test_a_stage_without_torch_has_what_it_says_it_moves() -> None:
    stages = [
        Stage("first", "face", 1, lambda: torch.zeros(10, 10) @ torch.zeros(10, 10)),
        Stage("both", "face", 1, lambda: [torch.zeros(10, 10) @ torch.zeros(10, 10) for _ in range(2)], less="first"),
        Stage("other", "face", 1, lambda: np.ones(3), moved=24),
    ]
    found = works(stages, lambda: None)
    assert found["first"].flops == found["both"].flops == 2000
    assert found["first"].moved == found["both"].moved
    assert found["other"] == Work(moved=24)


def test_the_floor_is_the_larger_of_both() -> None:
    rates = Rates(flops=100.0, moved=10.0)
    assert rates.floor(Work(flops=500, moved=20)) == 5.0 == rates.arithmetic(Work(flops=500))
    assert rates.floor(Work(flops=500, moved=80)) == 8.0
    assert rates.floor(Work()) == 0.0


def test_the_rates_are_of_a_machine() -> None:
    """Between a slide rule and a cluster."""
    product = Product(64, 64, 64)
    assert 1e6 < matrix_rate(product, CPU) < 1e14
    assert 1e7 < copy_rate(CPU) < 1e13
    assert machine_rates(product, CPU).flops > 1e6
