"""Fakes made from real faces: training material whose generator, place and amount are known.

Every fake has the size of its source and equals it outside its mask, so that nothing but the trace differs.
"""

from __future__ import annotations

from collections.abc import Callable

from detector.errors import ConfigError, UnknownNameError
from detector.fakes.workshop import Autoencoder, Decode, Fake, FakeMaker, Workshop

__all__ = ["FAKES", "Autoencoder", "Decode", "Fake", "FakeMaker", "Workshop", "load_fake_maker", "servable"]


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


FAKES: dict[str, Callable[[Workshop], FakeMaker]] = {
    "round-trip": _round_trip,
    "round-trip-region": _round_trip_region,
    "self-blend": _self_blend,
    "swap": _swap,
    "up-sample": _up_sample,
    "vae-sample": _vae_sample,
}
"""name -> workshop -> maker; raises `ConfigError` where the workshop lacks what the maker needs."""


def load_fake_maker(name: str, workshop: Workshop) -> FakeMaker:
    """The maker of that name.

    Raises:
        UnknownNameError: no entry of `FAKES` has that name.
        ConfigError: the workshop lacks what it needs.
    """
    if name not in FAKES:
        raise UnknownNameError("generator of fakes", name, FAKES)
    try:
        return FAKES[name](workshop)
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
