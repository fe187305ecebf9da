"""How long `detector score` of one photo takes, in units of importing Torch: ``python experiments/start_up.py``.

Pairs of fresh processes, one that imports Torch and one that scores the astronaut of scikit-image, in turn; the median
of the ratios, and the least and the largest. Then where a run spends its time before it scores: the slowest imports of
one more process, each with what it imports itself.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

LISTED = 12
_LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|(\s+)(\S+)")


def seconds(words: list[str]) -> float:
    """Of a fresh Python with these words."""
    start = perf_counter()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - start


def photo(folder: Path) -> str:
    """The astronaut as a file."""
    from PIL import Image
    from skimage import data

    path = folder / "astronaut.jpg"
    Image.fromarray(data.astronaut()).save(path, quality=92)
    return str(path)


def imports(words: list[str]) -> list[tuple[float, str]]:
    """The modules that took longest, in ms with all that they import; what only a listed one imports is its own."""
    done = subprocess.run([sys.executable, "-X", "importtime", *words], check=True, capture_output=True, text=True)
    found = [(int(all_us) / 1000, name) for _, all_us, _, name in _LINE.findall(done.stderr)]
    return sorted(found, reverse=True)[:LISTED]


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7, help="default %(default)s")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        score = ["-m", "detector", "score", photo(Path(folder))]
        torch = ["-c", "import torch"]
        seconds(torch), seconds(score)  # the first pass fills the page cache
        pairs = [(seconds(torch), seconds(score)) for _ in range(arguments.pairs)]
        ratios = [both / one for one, both in pairs]
        imported, scored = (median(column) for column in zip(*pairs, strict=True))
        print(f"import torch: {imported:.2f} s, scoring one photo: {scored:.2f} s")
        print(f"ratio: {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
        for milliseconds, name in imports(score):
            print(f"{milliseconds:8.0f} ms  {name}")


if __name__ == "__main__":
    main()
