"""Starts the parts, each in a process of its own, and writes what they find as a record."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

from ..bench.machine import describe
from ..bench.measurement import Quantity
from ..plain import readable, write_json
from ..records import RunRecord
from . import PARTS, Check


def run_parts(check: Check, parts: Sequence[str]) -> bool:
    """Run parts, write `result.json` anew after each and print a line or more; whether all went well.

    Args:
        check: `out` is the record's folder; what parts write goes to `work` in it, which is deleted first.
        parts: names in `PARTS`.
    """
    shutil.rmtree(check.out / "work", ignore_errors=True)
    record = RunRecord("gpu", check.out, {"device": check.device, "tiny": check.tiny, "parts": list(parts)})
    record.metrics, record.timings = {"parts": [], "failed": {}}, {"machine": describe(), "parts": {}, "quantities": {}}
    beside = [part for part in parts if PARTS[part].beside]
    well, workers = True, 4 if check.cuda else 1
    with ThreadPoolExecutor(workers) as pool:
        side = pool.map(lambda part: _in_process(replace(check, part=part), workers), beside)
        alone = [part for part in parts if part not in beside]
        results = chain(side, (_in_process(replace(check, part=part), 1) for part in alone))
        for part, (quantities, reason, seconds) in zip((*beside, *alone), results, strict=True):
            record.metrics["parts"].append(part)
            record.metrics["failed"] |= {part: reason} if reason else {}
            record.timings["parts"][part] = seconds
            record.timings["quantities"] |= quantities
            record.save()
            found = [Quantity.from_record(name, row) for name, row in quantities.items()]
            missed = [quantity for quantity in found if quantity.met is False]
            well = well and not (reason or missed)
            print(f"{part}: {len(found)} quantities in {seconds:.0f} s, {len(missed)} limits not kept", flush=True)
            for quantity in missed:
                print(f"  {quantity.name}: {quantity.measured}, limit {quantity.limit:.3g}", flush=True)
            if reason:
                print(f"  failed: {reason}", flush=True)
    print(f"the record is {check.out / 'result.json'}")
    return well


def _in_process(check: Check, sharing: int) -> tuple[dict[str, Any], str, float]:
    """A part's quantities as records, or those that it had until it failed, why it failed, and its seconds."""
    path, limit = check.out / "work" / f"{check.part}.json", PARTS[check.part].seconds * (1 if check.cuda else 5)
    path.parent.mkdir(parents=True, exist_ok=True)
    threads = max(1, (os.cpu_count() or 1) // sharing) if check.cuda else 1
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)} | ({} if check.cuda else {"CUDA_VISIBLE_DEVICES": ""})
    command = [sys.executable, "-m", "text4vis_lab.gpu", check.part, "--within", str(path), "--device", check.device]
    command += ["--tiny"] * check.tiny
    begin, reason = time.perf_counter(), ""
    with open(path.with_suffix(".log"), "w", encoding="utf-8") as log:
        try:
            status = subprocess.run(command, env=environment, stdout=log, stderr=log, timeout=limit).returncode
            lines = Path(log.name).read_text(encoding="utf-8", errors="replace").strip().splitlines() or [""]
            last = ([line for line in lines if "Error: " in line] or lines)[-1]
            reason = f"status {status}: {readable(last, 400)}" if status else ""
        except subprocess.TimeoutExpired:
            reason = f"it took longer than {limit} s"
    quantities = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return quantities, reason, time.perf_counter() - begin


def run_part(check: Check, path: Path) -> None:
    """Run a part in this process, and write its quantities anew after each."""
    module, function = PARTS[check.part].function.split(":")
    found: dict[str, Any] = {}
    for quantity in getattr(import_module(f".{module}", __package__), function)(check):
        found[quantity.name] = quantity.record()
        write_json(path, found)
