"""Starts the parts, each in a process of its own, and writes what they find as a record."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

from text4vis_core.files import first_line

from ..bench.machine import describe
from ..bench.measurement import Quantity
from ..plain import readable, write_json
from ..records import RunRecord
from . import PARTS
from ._inputs import Check

BESIDE = 4  # parts at a time, of those that measure no time


def run_parts(check: Check, parts: Sequence[str]) -> dict[str, Any]:
    """Run the parts, and write `result.json` anew after each; what is said of a part is printed.

    Args:
        check: `out` is the record's folder; what parts write goes to `work` in it, which is deleted first.
        parts: names in `PARTS`.

    Returns:
        {part: what `run_part` wrote}
    """
    shutil.rmtree(check.out / "work", ignore_errors=True)
    parameters = {"device": check.device, "tiny": check.tiny, "parts": list(parts)}
    record = RunRecord("gpu", check.out, parameters)
    machine, results = describe(), {}
    beside = [part for part in parts if PARTS[part].beside]
    alone = [part for part in parts if not PARTS[part].beside]

    def note(part: str, result: dict[str, Any]) -> None:
        results[part] = result
        done = {name: results[name] for name in parts if name in results}
        record.metrics = {"parts": list(done), "failed": {n: r["reason"] for n, r in done.items() if r["reason"]}}
        quantities = {name: row for each in done.values() for name, row in each["quantities"].items()}
        took = {name: each["seconds"] for name, each in done.items()}
        record.timings |= {"machine": machine, "quantities": quantities, "parts": took}
        record.save()
        print(_told(part, result), flush=True)

    workers = BESIDE if check.cuda else 1
    with ThreadPoolExecutor(workers) as pool:
        for part, result in zip(beside, pool.map(lambda part: _in_process(check, part, workers), beside), strict=True):
            note(part, result)
    for part in alone:
        note(part, _in_process(check, part, 1))
    return results


def _in_process(check: Check, part: str, sharing: int) -> dict[str, Any]:
    """A part's result; what it had until it failed, and why, where it did."""
    path = check.out / "work" / f"{part}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // sharing))}
    if not check.cuda:
        environment |= {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "text4vis_lab.gpu", part, "--within", str(path), "--device", check.device]
    command += ["--tiny"] * check.tiny
    begin, reason = time.perf_counter(), ""
    with open(path.with_suffix(".log"), "w+", encoding="utf-8") as log:
        try:
            done = subprocess.run(command, env=environment, stdout=log, stderr=log, timeout=PARTS[part].seconds)
            log.seek(0)
            last = (log.read().strip().splitlines() or [""])[-1]
            reason = f"status {done.returncode}: {readable(last, 400)}" if done.returncode else ""
        except subprocess.TimeoutExpired:
            reason = f"it took longer than {PARTS[part].seconds} s"
    quantities = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {"quantities": quantities, "reason": reason, "seconds": time.perf_counter() - begin}


def run_part(check: Check, part: str, path: Path) -> None:
    """Run a part in this process, and write its quantities anew after each."""
    module, _, function = PARTS[part].function.partition(":")
    found: dict[str, Any] = {}
    for quantity in getattr(import_module(f".{module}", __package__), function)(check):
        found[quantity.name] = quantity.record()
        write_json(path, found)


def _told(part: str, result: dict[str, Any]) -> str:
    """A part in a line, and what failed of it."""
    quantities = [Quantity.from_record(name, row) for name, row in result["quantities"].items()]
    missed = [quantity for quantity in quantities if quantity.met is False]
    head = f"{part}: {len(quantities)} quantities in {result['seconds']:.0f} s"
    head += f", of {sum(quantity.limit is not None for quantity in quantities)} limits {len(missed)} not kept"
    lines = [f"  {q.name}: {q.measured}, limit {q.limit:.3g}" for q in missed]
    return "\n".join([head, *lines, *([f"  failed: {first_line(result['reason'])}"] if result["reason"] else [])])
