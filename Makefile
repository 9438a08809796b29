# make help says what there is. Works with GNU make 3.81, which macOS has.

PYTHON ?= python3
SUITE ?= experiments/miniature.yaml
# What runs a suite: this machine, or the cluster of profiles/PROFILE, such as slurm.
PROFILE ?=

# What is given is text, whatever is in it: make fills in nothing, and recipes have it from their environment alone, as
# "$$SUITE", where the shell takes no part of it for its own. A DATA, LABELS, MODEL or PRETRAINED that was not typed is
# somebody else's.
from = $(filter $(1),$(firstword $(origin $(2))))
TYPED := $(foreach name,DATA LABELS MODEL PRETRAINED,$(if $(call from,command,$(name)),$(name)))
GIVEN := $(foreach name,SUITE suite JOBS GPUS PROFILE FRESH PYTHON BUNDLE_PYTHON TORCH_INDEX UPGRADE,$(if \
  $(call from,command environment,$(name)),$(name)))
$(foreach name,$(TYPED) $(GIVEN),$(eval override $(name) := $$(value $(name))))
ifeq ($(filter SUITE,$(GIVEN)),)
ifneq ($(suite),)
override SUITE := $(value suite)
endif
endif
export SUITE PROFILE PYTHON $(TYPED) $(GIVEN)

# What the job or container leaves of the machine; nproc alone would answer with OMP_NUM_THREADS.
CORES = $${JOBS:-$$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)}
# Those that CUDA_VISIBLE_DEVICES names, or else all of the machine.
CARDS = $${GPUS:-$$(if test "$${CUDA_VISIBLE_DEVICES+set}"; then \
  echo "$$CUDA_VISIBLE_DEVICES" | tr ',' '\n' | grep -c '[^ ]'; else nvidia-smi -L 2>/dev/null | grep -c '^GPU '; fi)}

# JupyterLab asks for it where root is the only user, as in most containers.
AS_ROOT = $(shell test "$$(id -u)" -ne 0 || echo --allow-root)

# Snakemake reads a setting as YAML, a path with brackets as a list, after it took quotes from both ends.
IN_YAML = sed "s/'/''/g; 1s/^/ '/; \$$s/\$$/' /"

BIN := .venv/bin
# With kernels of .venv, and caches that can be written to.
START = $(BIN)/python -m text4vis_lab.surroundings
# Written when an installation came to its end: an environment without it is begun anew.
INSTALLED := .venv/.installed

.PHONY: help book pdf publish watch rehearse bench gpu-check gpu-bundle check test mutations slurm-test lab lock lint types format clean

help:
	@echo 'make lab     explore: JupyterLab with a copy of the notebooks in work/;  FRESH=1 takes them anew'
	@echo 'make book    read: run the experiments of SUITE (default experiments/miniature.yaml) and build the book of them'
	@echo 'make book DATA=folder  the same of videos of your own; LABELS="a, b" names them, MODEL and PRETRAINED the model'
	@echo 'make watch   see how far every run of SUITE is, in another terminal (or open runs/board.html)'
	@echo 'make pdf     print the book that was built, by Chromium;  make publish  put it into a folder to upload'
	@echo 'make rehearse  check this machine in minutes before SUITE is run on it for days'
	@echo 'make bench   measure this machine, and build the book of SUITE with what was measured'
	@echo 'make gpu-check  try and measure all that needs a GPU;  make gpu-bundle  wheels for one without a network'
	@echo 'make test    style, types, and every test;  make check  those that take under a second'
	@echo 'make lint    check style;  make format  repair it;  make types  check types'
	@echo 'make mutations  damage 728 films at random, and count what the readers make of them'
	@echo 'make slurm-test  run suites on a real Slurm, set up on this machine (as root, with apt)'
	@echo 'make lock    choose versions anew where pyproject.toml has changed;  UPGRADE=1: the newest'
	@echo 'make clean   remove what the others made; data/ is kept'
	@echo 'Variables: SUITE (or suite), JOBS (cores to use), GPUS (GPUs to share out), PYTHON (for .venv),'
	@echo '           PROFILE (slurm: every run is a job of the cluster)'
	@echo 'The first of them installs into .venv, once: see README.md for how long that takes, and how large it is.'

# Of videos of one's own the suite is written first.
given = $(if $(filter $(1),$(TYPED)),"$$$(1)",'')
OWN = $(if $(filter DATA,$(TYPED)),$(BIN)/python -m text4vis_lab.own_suite --labels=$(call given,LABELS) \
  --model=$(call given,MODEL) --pretrained=$(call given,PRETRAINED) -- "$$DATA",printf '%s\n' "$$SUITE")

# The book is built of the runs that succeeded even when others failed; their failure is the exit status.
book: $(INSTALLED)
	@trap 'exit 130' INT; status=0; suite=$$($(OWN)) || exit 1; \
	$(BIN)/python -m text4vis_lab.suites check -- "$$suite" || exit 1; \
	if test -n "$$PROFILE"; then set -- --profile "profiles/$$PROFILE"; \
	else set -- --cores "$(CORES)" --resources "gpu=$(CARDS)"; fi; \
	$(START) $(BIN)/snakemake "$$@" --config "suite=$$(printf %s "$$suite" | $(IN_YAML))" || status=$$?; \
	$(BIN)/python book/build.py "$$suite" && exit $$status

# Beside it, in another terminal: until the suite has ended. runs/board.html is the same as a page.
watch: $(INSTALLED)
	@$(BIN)/python -m text4vis_lab.suites watch -- "$$SUITE"

pdf: $(INSTALLED)
	@$(BIN)/python -m text4vis_lab.book.printing

publish: $(INSTALLED)
	@$(BIN)/python -m text4vis_lab.book.publishing

# Of a suite whose runs say what they need, such as suite=experiments/kinetics400.yaml.
rehearse: $(INSTALLED)
	@$(BIN)/python -m text4vis_lab.rehearsal -- "$$SUITE"

# Measured anew every time, and alone: a run that is counted with all cores has nothing beside it. Then compared with
# the record before.
bench: $(INSTALLED)
	@$(BIN)/python -m text4vis_lab.suites check experiments/bench.yaml
	@test ! -e runs/bench/bench/result.json || cp runs/bench/bench/result.json runs/bench/earlier.json
	@trap 'exit 130' INT; \
	$(START) $(BIN)/snakemake --cores "$(CORES)" --resources "gpu=$(CARDS)" --set-threads "run=$(CORES)" --forcerun run \
	  --config suite=experiments/bench.yaml
	@$(BIN)/python book/build.py "$$SUITE"
	@test ! -e runs/bench/earlier.json || \
	  $(BIN)/python -m text4vis_lab.bench compare runs/bench/earlier.json runs/bench/bench

gpu-check: $(INSTALLED)
	@$(BIN)/python -m text4vis_lab.gpu

# For a machine with PyTorch and without a network: all that the check needs beside PyTorch and torchvision, in the
# lock's versions.
BUNDLE = open-clip-torch timm ftfy wcwidth regex safetensors tqdm huggingface-hub httpx2 httpcore2 h11 anyio idna \
  truststore click pyyaml av lightning-fabric lightning-utilities packaging pydantic pydantic-core annotated-types \
  typing-inspection typing-extensions filelock fsspec platformdirs psutil
LINUX = $(foreach glibc,_2_28 _2_27 _2_17 2014 1,--platform manylinux$(glibc)_x86_64)
gpu-bundle: $(INSTALLED)
	@$(BIN)/python -I text4vis_lab/installing.py --print --only $(BUNDLE) | $(BIN)/python -m pip download --quiet --no-deps \
	  --require-hashes --only-binary=:all: --implementation cp $(LINUX) --python-version "$${BUNDLE_PYTHON:-3.12}" \
	  -d gpu-bundle -r /dev/stdin
	@du -sh gpu-bundle

# A file's tests stay with one process: what they share is made once, and a notebook's cells run in order.
PYTEST = $(BIN)/python -m pytest -n "$(CORES)" --dist loadfile --no-loadscope-reorder

check: $(INSTALLED) lint types
	@$(PYTEST) -m 'not slow' --durations 0 --durations-min 1 -p no:nbval -o addopts='-q' tests

test: $(INSTALLED) lint types
	@$(PYTEST)

mutations: $(INSTALLED)
	@$(BIN)/python -m tests.cases.mutations --workers "$(CORES)"

slurm-test: $(INSTALLED)
	@tests/slurm/run.sh $(BIN)/python

# The project is its folder, so that data and runs are seen beside the notebooks. A video that is handed to a panel
# comes as one message, of which a server takes 10 MB unless told otherwise.
lab: $(INSTALLED)
	@$(BIN)/python -m text4vis_lab.work $(if $(FRESH),--fresh)
	@$(START) $(BIN)/jupyter lab $(AS_ROOT) --ServerApp.root_dir="$$PWD" \
	  --LabApp.default_url=/lab/tree/work/00_quickstart.ipynb \
	  --ServerApp.tornado_settings='{"websocket_max_message_size": 1000000000}'

# Versions stay as they are where pyproject.toml allows them; UPGRADE=1 takes the newest.
lock: $(INSTALLED)
	@$(BIN)/uv pip compile --quiet $${UPGRADE:+--upgrade} --universal --python-version 3.10 --generate-hashes \
	  --extra all --extra language --no-annotate --custom-compile-command 'make lock' -o requirements.lock pyproject.toml

lint: $(INSTALLED)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(INSTALLED)
	@$(BIN)/mypy --no-error-summary

format: $(INSTALLED)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:
	rm -rf .venv runs book/_build .snakemake .pytest_cache .ruff_cache .mypy_cache .hypothesis *.egg-info
	find text4vis_core text4vis_lab notebooks book tests -name __pycache__ -prune -exec rm -rf {} +
	find notebooks book -name .ipynb_checkpoints -prune -exec rm -rf {} +
	@echo 'data/ is kept'

$(INSTALLED): pyproject.toml requirements.lock
	@command -v "$$PYTHON" >/dev/null || { \
	  echo "There is no $$PYTHON here: install Python 3.10 or newer, or say make PYTHON=/path/to/python." >&2; exit 1; }
	@"$$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "$$PYTHON is older than Python 3.10: say make PYTHON=/path/to/a/newer/python." >&2; exit 1; }
	@"$$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$$PYTHON cannot make environments: install its venv module (Debian, Ubuntu: apt install python3-venv)." >&2; \
	  exit 1; }
	@echo 'Installing into .venv, once: 7 GB, of which 4 serve NVIDIA GPUs; some minutes ...'
	@test -e $@ || "$$PYTHON" -m venv --clear .venv
	@$(BIN)/python -I text4vis_lab/installing.py $${TORCH_INDEX:+--torch "$$TORCH_INDEX"}
	@touch $@
