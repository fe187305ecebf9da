"""How files are treated before they are judged, and how the scores of frames become those of clips."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from detector import config
from detector.benchmark.histories.history import STRICT, History
from detector.benchmark.measures.clips import AGGREGATES
from detector.errors import ConfigError, UnknownNameError

FIELD_CONTEXT, FIELD_PX = 1.3, 256
"""What the field's benchmarks crop: the face box enlarged so many times, brought to so many px."""


@dataclass(frozen=True)
class Protocol:
    """One way to measure.

    Attributes:
        about: what it does, in a sentence.
        history: what every picture goes through first; None leaves files as they are.
        frames: of a clip, so many are looked at, evenly spaced over its whole length.
        aggregate: how their scores become the clip's, an entry of `AGGREGATES`.
    """

    about: str
    history: History | None = None
    frames: int = 32
    aggregate: str = "mean"

    @property
    def hides(self) -> bool:
        """Whether the file that a picture came in is hidden: its last codec pass is the protocol's own."""
        return self.history is not None and self.history.last_quality is not None

    def __post_init__(self) -> None:
        if self.aggregate not in AGGREGATES:
            raise UnknownNameError("aggregate", self.aggregate, AGGREGATES)
        if self.frames < 1:
            raise ConfigError(f"frames: expected 1 or more, got {self.frames}")


PROTOCOLS: dict[str, Protocol] = {
    "strict": Protocol(
        "The face of every picture, real or fake, is brought to 200-320 px, encoded at q75, brought to 200-320 px "
        "again, the codec's grid shifted at random, and encoded again at q80-95: what is left to read is the face.",
        STRICT,
    ),
    "field": Protocol(
        "The field's: the face box enlarged 1.3 times and brought to 256 px, 32 frames a clip, their mean. The file's "
        "own codec and size shine through: read the alarms.",
        History(context=FIELD_CONTEXT, face_px=(FIELD_PX / FIELD_CONTEXT, FIELD_PX / FIELD_CONTEXT)),
    ),
    "as-found": Protocol("Files as they are: figures flatter any detector that reads the file instead of the face."),
}
"""Each protocol by name."""


def load_protocol(name: str) -> Protocol:
    """The protocol of a name, or of a TOML file with the fields of `Protocol`.

    Raises:
        UnknownNameError: it is neither.
        ConfigError: the file has an unknown key or an impossible value.
    """
    if name in PROTOCOLS:
        return PROTOCOLS[name]
    if name.endswith(".toml"):
        return config.load(Protocol, Path(name))
    raise UnknownNameError("protocol", name, PROTOCOLS)
