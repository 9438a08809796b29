"""The machine that measures: what it is, how busy it was, and how fast it multiplies matrices."""

import os
from typing import Any

from ..timing import in_turn
from .measurement import Quantity

# Two records that differ in one of these were measured on different machines, or on one that was set differently.
SAME_MACHINE = ("processor", "system", "cores", "memory_gb", "threads", "gpu")


def describe() -> dict[str, Any]:
    """Processor, memory, threads, libraries, GPU, and the load that others put on it, as plain values."""
    import psutil
    import torch

    from ..provenance import package_version
    from ..records import provenance

    known = provenance()
    hardware, packages = known["hardware"], known["packages"]
    libraries = {"MKL": torch.backends.mkl, "oneDNN": torch.backends.mkldnn}
    return {
        "processor": hardware["processor"] or hardware["machine"],
        **{name: hardware[name] for name in ("system", "cores", "threads", "gpu")},
        "physical_cores": psutil.cpu_count(logical=False),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "instructions": ", ".join([torch.backends.cpu.get_cpu_capability(), *halves()]),
        "blas": " and ".join(name for name, module in libraries.items() if module.is_available()),
        "python": known["python"],
        "packages": {name: packages[name] for name in ("torch", "torchvision", "open_clip_torch", "decord2", "av")}
        | {"torchcodec": package_version("torchcodec")},
        "load": round(os.getloadavg()[0], 2),
    }


def halves() -> list[str]:
    """What the processor multiplies bf16 matrices with: "avx512_bf16", "amx_bf16"; none where it has neither."""
    import torch

    known = getattr(torch.cpu, "get_capabilities", dict[str, Any])()  # not in the oldest torch that is allowed
    return [name for name in ("avx512_bf16", "amx_bf16") if known.get(name)]


def has_bf16() -> bool:
    """Whether the processor multiplies bf16 matrices faster than float32 ones."""
    return bool(halves())


def matmul_rates(repeats: int, side: int = 2048) -> list[Quantity]:
    """Products of two square float32 matrices in torch's threads, in 10⁹ operations a second: a model's ceiling.

    By `torch.mm`, which leaves them to MKL where there is one, and by the function that linear layers are computed with
    here (`kernels.linear`); they take turns.
    """
    import torch

    from text4vis_core.model import kernels

    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(side, side, generator=generator) for _ in range(2))
    jobs = {"torch.mm": lambda *_: torch.mm(a, b), "kernels.linear": lambda *_: kernels.linear(a, b, None)}
    seconds = in_turn(jobs, 1, repeats)
    return [
        Quantity(f"matrix product, {name}", [2 * side**3 / value / 1e9 for value in values], "GFLOP/s", better="more")
        for name, values in seconds.items()
    ]
