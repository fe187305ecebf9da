"""Fakes made from real faces: training material whose generator, place and amount are known.

Every fake has the size of its source and equals it outside its mask, so that nothing but the trace differs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from detector.errors import ConfigError, UnknownNameError
from detector.fakes.workshop import Autoencoder, Decode, Fake, FakeMaker, MovingFakeMaker, Workshop

__all__ = [
    "FAKES",
    "MOVING_FAKES",
    "Autoencoder",
    "Decode",
    "Fake",
    "FakeMaker",
    "MovingFakeMaker",
    "Workshop",
    "load_fake_maker",
    "load_moving_fake_maker",
    "servable",
]


def _round_trip(workshop: Workshop) -> FakeMaker:
    from detector.fakes.round_trip import round_trip

    return round_trip(workshop)


def _round_trip_region(workshop: Workshop) -> FakeMaker:
    from detector.fakes.round_trip import round_trip_region

    return round_trip_region(workshop)


def _self_blend(workshop: Workshop) -> FakeMaker:
    from detector.fakes.self_blend import self_blend

    return self_blend(workshop)


def _swap(workshop: Workshop) -> FakeMaker:
    from detector.fakes.swap import swap

    return swap(workshop)


def _up_sample(workshop: Workshop) -> FakeMaker:
    from detector.fakes.up_sample import up_sample

    return up_sample(workshop)


def _vae_sample(workshop: Workshop) -> FakeMaker:
    from detector.fakes.vae_sample import vae_sample

    return vae_sample(workshop)


def _swap_jitter(workshop: Workshop) -> MovingFakeMaker:
    from detector.fakes.moving_swap import swap_jitter

    return swap_jitter(workshop)


def _round_trip_frames(workshop: Workshop) -> MovingFakeMaker:
    from detector.fakes.moving_round_trip import round_trip_frames

    return round_trip_frames(workshop)


def _retimed_mouth(workshop: Workshop) -> MovingFakeMaker:
    from detector.fakes.moving_mouth import retimed_mouth

    return retimed_mouth(workshop)


FAKES: dict[str, Callable[[Workshop], FakeMaker]] = {
    "round-trip": _round_trip,
    "round-trip-region": _round_trip_region,
    "self-blend": _self_blend,
    "swap": _swap,
    "up-sample": _up_sample,
    "vae-sample": _vae_sample,
}
"""name -> workshop -> maker; raises `ConfigError` where the workshop lacks what the maker needs."""


MOVING_FAKES: dict[str, Callable[[Workshop], MovingFakeMaker]] = {
    "retimed-mouth": _retimed_mouth,
    "round-trip-frames": _round_trip_frames,
    "swap-jitter": _swap_jitter,
}
"""As `FAKES`, for clips: what is wrong with these shows between frames."""

Maker = TypeVar("Maker")


def load_fake_maker(name: str, workshop: Workshop) -> FakeMaker:
    """The maker of that name.

    Raises:
        UnknownNameError: no entry of `FAKES` has that name.
        ConfigError: the workshop lacks what it needs.
    """
    return _load(FAKES, "generator of fakes", name, workshop)


def load_moving_fake_maker(name: str, workshop: Workshop) -> MovingFakeMaker:
    """The maker of moving fakes of that name.

    Raises:
        UnknownNameError: no entry of `MOVING_FAKES` has that name.
        ConfigError: the workshop lacks what it needs.
    """
    return _load(MOVING_FAKES, "generator of moving fakes", name, workshop)


def _load(makers: dict[str, Callable[[Workshop], Maker]], kind: str, name: str, workshop: Workshop) -> Maker:
    if name not in makers:
        raise UnknownNameError(kind, name, makers)
    try:
        return makers[name](workshop)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from error


def servable(workshop: Workshop) -> tuple[str, ...]:
    """The names whose makers a workshop has everything for."""
    return tuple(name for name in FAKES if not _lacks(name, workshop))


def _lacks(name: str, workshop: Workshop) -> bool:
    try:
        FAKES[name](workshop)
    except ConfigError:
        return True
    return False
