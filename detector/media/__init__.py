"""A file, or its bytes, to upright RGB frames; never a whole video in memory."""

from detector.media.find import find_media
from detector.media.limits import MediaLimits, Sampling
from detector.media.opening import Media, open_media
from detector.media.source import read_stream

__all__ = ["Media", "MediaLimits", "Sampling", "find_media", "open_media", "read_stream"]
