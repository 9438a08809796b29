"""Runs a suite: snakemake --cores 2 --resources gpu=0 --config suite=experiments/miniature.yaml
Or on a Slurm cluster: snakemake --profile profiles/slurm --config suite=experiments/miniature.yaml

Every run of the suite is one notebook, executed by `python -m text4vis_lab.suites execute`. What is done is skipped,
what failed is tried again, and a run starts when the runs named in its `after` have ended, well or badly. A run of which
the notebook, the parameters, or anything else that it is made of has other content now is executed again.
"""

import atexit
import contextlib
import json
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from text4vis_lab import suites
from text4vis_lab.plain import unfilled

SUITE = config.get("suite", "experiments/miniature.yaml")
if not isinstance(SUITE, str):
    raise WorkflowError(f"suite is {SUITE!r}, not a path, as Snakemake reads it; write --config \"suite= 'PATH' \"")
# Snakemake reads this file again in processes of its own, as in a job on a cluster. Only the first of them prepares, and
# decides what is to be done: a job whose `after` is out of date by now is not the place to run that again.
FIRST = "--mode" not in sys.argv
try:
    suite = suites.read_suite(SUITE)
    if FIRST:
        lock = suites.hold_lock(suite)
        suites.forget_failures(suite)
        board = contextlib.ExitStack()
        if not {"-n", "--dry-run", "--dryrun"}.intersection(sys.argv):
            board.enter_context(suites.shown(suite))  # runs/board.html
        atexit.register(board.close)
except suites.SuiteError as error:
    raise WorkflowError(str(error))

RUNS = {run.name: run for run in suite.runs}
SHARED = suites.shared_inputs()


def inputs(wildcards):
    if not FIRST:
        return []
    run = RUNS[wildcards.run]
    # Of files that people write the content counts, which `forget_failures` compares, and not the time.
    given = [ancient(str(path)) for path in (run.source, *SHARED)]
    return [*given, *(str(RUNS[name].attempt) for name in run.after)]


def asked(name):
    """What the run asks for, in the words of Snakemake and its Slurm plugin."""
    asks = RUNS[name].resources
    words = {"gpu": asks["gpu"], "gres": "", "tasks": 0}  # the plugin does not pass on what is empty or 0
    words |= {"nodes": asks["nodes"], "mem_mb": asks["mem_mb"], "runtime": asks["minutes"]}
    if asks["nodes"] > 1:  # there `gpu` would be the sum over the nodes, and `tasks` beside GPUs the tasks of each GPU
        words |= {"gpu": 0, "gres": f"gpu:{asks['gpu']}"} if asks["gpu"] else {"tasks": asks["nodes"]}
    return words


onerror:
    # Rule summary has no turn when a run was stopped before its end.
    if not all(run.attempt.exists() for run in suite.runs):
        print(suites.summary(suite))


localrules:
    summary,


rule summary:
    input:
        [unfilled(run.attempt) for run in suite.runs],
    shell:
        "{sys.executable:q} -m text4vis_lab.suites summary {SUITE:q}"


rule run:
    input:
        inputs,
    output:
        f"runs/{unfilled(suite.name)}/{{run}}/attempt.json",
    wildcard_constraints:
        run="[^/]+",
    params:
        parameters=lambda wildcards: json.dumps(RUNS[wildcards.run].parameters, sort_keys=True),
    # The longest first, so that no core is left with a long run at the end.
    priority: lambda wildcards: RUNS[wildcards.run].resources["minutes"]
    threads: lambda wildcards: RUNS[wildcards.run].resources["cores"]
    resources:
        gpu=lambda wildcards: asked(wildcards.run)["gpu"],
        nodes=lambda wildcards: asked(wildcards.run)["nodes"],
        mem_mb=lambda wildcards: asked(wildcards.run)["mem_mb"],
        runtime=lambda wildcards: asked(wildcards.run)["runtime"],
        gres=lambda wildcards: asked(wildcards.run)["gres"],
        tasks=lambda wildcards: asked(wildcards.run)["tasks"],
    shell:
        # exec: the notebook's runner is Snakemake's own child, and notices when Snakemake is gone.
        "exec {sys.executable:q} -m text4vis_lab.suites execute --with-parent --gpus {resources.gpu}"
        " {SUITE:q} {wildcards.run:q}"
