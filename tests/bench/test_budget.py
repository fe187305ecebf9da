"""A budget computed by hand, and how it is told."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from detector.bench.budget import Budget, Cost, Profile
from detector.bench.floor import Rates, Work
from detector.bench.noise import Middle
from detector.bench.rounds import Reading, Stage
from detector.bench.table import aligned, bound, page

RATES = Rates(flops=1e9, moved=1e9)
FACTS = {
    "command": "detector bench",
    "commit": "1234567",
    "date": "2026-01-01",
    "device": "cpu",
    "hardware": "2 cores of a slide rule",
    "versions": "torch 2",
}


def cost(name: str, unit: str, units: int, seconds: float, work: Work, aside: bool = False) -> Cost:
    stage = Stage(name, unit, units, lambda: None, aside=aside)
    readings = [Reading(seconds * factor, 0.9 * seconds * factor) for factor in (0.5, 1.0, 1.0, 2.0, 3.0, 0.9, 1.1)]
    return Cost.of(stage, readings, work, RATES)


@pytest.fixture
def profile() -> Profile:
    """Two photos with four faces: 100 ms a photo, of them 80 in the VAE, which could do it in 60."""
    costs = (
        cost("decode", "photo", 2, 0.04, Work(moved=10**7)),
        cost("VAE, first pass", "face", 4, 0.16, Work(flops=12 * 10**7, moved=10**6)),
        cost("judge", "face", 4, 0.17, Work(), aside=True),
    )
    return Profile("photo", 2, 2, 4, 20, costs, Middle(18.0, 17.0, 19.0))


@pytest.fixture
def budget(profile: Profile) -> Budget:
    return Budget(profile, None, RATES, 7, 2, FACTS)


def test_a_stage_by_its_unit(profile: Profile) -> None:
    decode, vae, _ = profile.costs
    assert (decode.ms.median, vae.ms.median) == pytest.approx((20.0, 40.0))
    assert (vae.ms.low, vae.ms.high) == pytest.approx((20.0, 120.0))
    assert vae.cpu_ms == pytest.approx(36.0)
    assert (decode.floor_s, decode.arithmetic) == (0.01, False)
    assert (vae.floor_s, vae.arithmetic) == (0.12, True)
    assert (decode.reached, vae.reached) == pytest.approx((0.25, 0.75))


def test_a_photo(profile: Profile) -> None:
    assert profile.total_ms == pytest.approx(100.0), "what is aside does not count"
    assert profile.floor_ms == pytest.approx(65.0)
    assert profile.between_ms == pytest.approx(5.0)
    assert profile.waited == pytest.approx(0.1)


def test_what_bounds_it(profile: Profile) -> None:
    assert bound(profile) == (
        "What bounds it: VAE, first pass, 80% of the time at 75% of its floor: the machine's arithmetic. "
        "All floors together are 65.0 ms of 100.0."
    )
    decode, vae, _ = profile.costs
    moving = replace(vae, floor_s=0.15, arithmetic=False)
    assert "at 94% of its floor: the machine's memory." in bound(replace(profile, costs=[decode, moving]))
    slow = replace(vae, floor_s=0.016)
    assert "at 10% of its floor: neither arithmetic nor memory" in bound(replace(profile, costs=[decode, slow]))


def test_the_page(budget: Budget) -> None:
    told = page(budget)
    assert "`detector bench` at 1234567, 2026-01-01," in told
    assert "Measured with photos: 2; frames: 2; faces: 4; crops: 20." in told
    assert "| VAE, first pass | face  | 40.00 (20.00 to 120.00) |   80% |     30.00 |     75% | arithmetic |" in told
    assert "On 2 cores, all together: 18.00 (17.00 to 19.00) photos a second; 90% of the 20.00 that" in told
    assert "between the judge's stages +5.0 ms" in told
    assert "The machine was busy: 10% of the time" in told
    assert "1.0 GFLOP/s" in told


def test_a_quiet_machine_and_another_device_are_told_so(budget: Budget, profile: Profile) -> None:
    quiet = [replace(cost, readings=[Reading(one.wall, one.wall) for one in cost.readings]) for cost in profile.costs]
    assert "busy" not in page(replace(budget, photos=replace(profile, costs=quiet)))
    elsewhere = page(replace(budget, facts={**FACTS, "device": "cuda"}))
    assert "busy" not in elsewhere
    assert "such threads" not in elsewhere


def test_the_numbers(budget: Budget, profile: Profile) -> None:
    """What a simulation reads: the stages that every file goes through, by unit, and the cores."""
    plain = json.loads(json.dumps(budget.plain(), allow_nan=False))
    assert [(one["name"], one["unit"], round(one["ms"], 6)) for one in plain["stages"]] == [
        ("decode", "photo", 20.0),
        ("VAE, first pass", "face", 40.0),
    ]
    assert plain["stages"][1]["floor_ms"] == 30.0
    assert [one["name"] for one in plain["aside"]] == ["judge"]
    assert (plain["cores"], plain["photos_per_s"], plain["device"], plain["commit"]) == (2, 18.0, "cpu", "1234567")
    assert plain["video"] is None
    clip = replace(profile, kind="video")
    assert replace(budget, video=clip).plain()["video"]["videos_per_s"] == 18.0
    assert "## A video" in page(replace(budget, video=clip))


def test_tables_are_aligned() -> None:
    assert list(aligned(("a", "of", "ms"), [("stage", "x", "1.0"), ("b", "photo", "10.0")])) == [
        "| a     | of    |   ms |",
        "| ----- | ----- | ---: |",
        "| stage | x     |  1.0 |",
        "| b     | photo | 10.0 |",
    ]
