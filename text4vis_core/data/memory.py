"""Memory that is freed and asked for again, by samples and by layers, without a detour through the system."""

import ctypes
import os

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
CLIPS, ACTIVATIONS = 64 << 20, 2**31 - 1  # bytes that decoding and computing keep
LARGEST = 2**30, 32 << 20  # bytes of a single piece; before 2.35, glibc knows the second only


def keep_freed_memory(most: int, or_less: bool = False) -> bool:
    """Let this process keep up to so many bytes of what it frees, or as many as it was told before if those are more.

    By default glibc returns what is large to the system when it is freed. The next one's pages are then new, and the
    first touch of each interrupts the process: on a virtual machine a clip of eight frames cost 1,000 such
    interruptions, 2.3 of 7.9 ms, and the activations of a training step a tenth of its time.

    Args:
        most: bytes.
        or_less: also where it was told more, as a process that was forked from one which computes.

    Returns whether it does: False for other C libraries than glibc.
    """
    global _kept
    if most <= _kept and not or_less:
        return True
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    # Larger pieces than half of it are returned all the same.
    understood = any(mallopt(MMAP_THRESHOLD, min(most // 2, largest)) for largest in LARGEST)
    if understood and mallopt(TRIM_THRESHOLD, most):
        _kept = most
        return True
    return False


try:  # what the process was started with
    _kept = min(int(os.environ[f"MALLOC_{which}_THRESHOLD_"]) for which in ("TRIM", "MMAP"))
except (KeyError, ValueError):
    _kept = 0
