"""Two runs of 20,000 videos and 400 classes are compared within a gigabyte, whatever a machine has.

Counted is what the process keeps of its own, see `peak_gb`.
"""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from made_runs import MadeRun

VIDEOS, CLASSES, GIGABYTE = 20_000, 400, 2**30
PROGRAM = """
import json, sys
from text4vis_lab.bench.measurement import peak_gb
from text4vis_lab.compare import compare
found = compare(*sys.argv[1:])
causes = [each.cause for each in found.findings]
print(json.dumps({"peak": 1e9 * peak_gb(), "causes": causes, "sides": len(found.sides)}))
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Folders of two runs, of which one has another prompt and somewhat other scores."""
    folder, rng = tmp_path_factory.mktemp("large") / "suite", np.random.default_rng(0)
    names, labels = [f"class number {i}" for i in range(CLASSES)], np.repeat(np.arange(CLASSES), VIDEOS // CLASSES)
    videos = [f"/data/kinetics400/val/{names[label]}/v_{i:06d}_000001_000011.mp4" for i, label in enumerate(labels)]
    logits = rng.standard_normal((VIDEOS, CLASSES), dtype=np.float32)
    logits[np.arange(VIDEOS), labels] += 3
    pictures = np.broadcast_to(rng.integers(0, 256, (1, 20, 8, 8, 3)).astype(np.uint8), (VIDEOS, 20, 8, 8, 3))
    for name, noise in (("here", 0.5), ("there", 0.0)):
        other = logits + np.float32(noise) * rng.standard_normal(logits.shape, dtype=np.float32)
        run = MadeRun(names, videos, labels, other, pictures, parameters={"dataset": "kinetics400"})
        run.row = {"template": "{}"} if noise else {}
        run.write(folder / name)
    return folder / "here", folder / "there"


@pytest.mark.slow
def test_two_large_runs_are_compared_within_a_gigabyte(runs):
    command = [sys.executable, "-c", PROGRAM, *map(str, runs)]
    shell = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}  # as a user has it
    done = subprocess.run(command, cwd=ROOT, env=shell, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["causes"] == ["template"] and found["sides"]
    assert found["peak"] <= GIGABYTE, f"{found['peak'] / 1e6:.0f} MB"
