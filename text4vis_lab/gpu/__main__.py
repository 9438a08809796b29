"""python -m text4vis_lab.gpu [PART ...]: see the package."""

import argparse
import sys
from pathlib import Path

from . import PARTS, Check


def main() -> None:
    """The command line; its status is 1 when a part failed or a limit was not kept."""
    parser = argparse.ArgumentParser(prog="python -m text4vis_lab.gpu", description="Try and measure a GPU.")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; else all")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu: to rehearse")
    parser.add_argument("--tiny", action="store_true", help="models and data that take a second on a CPU")
    parser.add_argument("--out", type=Path, default=Path("runs/gpu/gpu"), help="folder of the record")
    parser.add_argument("--within", type=Path, help=argparse.SUPPRESS)  # a part's process, which writes this file
    asked = parser.parse_args()
    if unknown := [part for part in asked.parts if part not in PARTS]:
        parser.error(f"unknown part {unknown[0]!r}; choose from: {', '.join(PARTS)}")
    import torch

    from .running import run_part, run_parts

    if asked.device == "cuda" and not torch.cuda.is_available():
        print("There is no GPU that PyTorch sees: nothing is tried. --device cpu --tiny rehearses without one.")
    elif asked.within:
        run_part(Check(asked.device, asked.tiny, asked.within.parent.resolve(), asked.parts[0]), asked.within)
    else:
        sys.exit(not run_parts(Check(asked.device, asked.tiny, asked.out.resolve()), asked.parts or list(PARTS)))


if __name__ == "__main__":
    main()
