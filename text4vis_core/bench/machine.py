"""The machine that measures: what it is, how busy it was, and how fast it multiplies matrices."""

import os
import time
from typing import Any

from .measurement import Quantity

# Two records that differ in one of these were measured on different machines, or on one that was set differently.
SAME_MACHINE = ("processor", "system", "cores", "memory_gb", "threads", "gpu")


def describe() -> dict[str, Any]:
    """Processor, memory, threads, libraries, GPU, and the load that others put on it, as plain values."""
    import psutil
    import torch

    from ..results import provenance

    known = provenance()
    hardware, packages = known["hardware"], known["packages"]
    libraries = {"MKL": torch.backends.mkl, "oneDNN": torch.backends.mkldnn}
    return {
        "processor": hardware["processor"] or hardware["machine"],
        "system": hardware["system"],
        "cores": hardware["cores"],
        "physical_cores": psutil.cpu_count(logical=False),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "threads": hardware["threads"],
        "gpu": hardware["gpu"],
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "blas": " and ".join(name for name, module in libraries.items() if module.is_available()),
        "python": known["python"],
        "packages": {name: packages[name] for name in ("torch", "torchvision", "open_clip_torch", "decord2", "av")},
        "load": round(os.getloadavg()[0], 2),
    }


def matmul_rate(repeats: int, side: int = 2048) -> Quantity:
    """Product of two square float32 matrices in torch's threads, in 10⁹ operations a second: the ceiling of a model."""
    import torch

    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(side, side, generator=generator) for _ in range(2))
    out, rates = torch.empty(side, side), []
    for repetition in range(repeats + 1):
        begin = time.perf_counter()
        torch.mm(a, b, out=out)
        if repetition:  # the first one also starts the threads
            rates.append(2 * side**3 / (time.perf_counter() - begin) / 1e9)
    return Quantity("matrix product, float32", rates, "GFLOP/s", better="more")
