# make demo   from nothing to a trained, tested model with images (drawn cats, two CPU cores, minutes)
# make test   all tests        make lint   ruff and mypy        make bench   speed and memory, into docs/bench.json
# make fuzz   changed sources to every reader for MINUTES=10, from SEED=0: docs/security.md
# make setup  only the environment, in .venv; does nothing when it is up to date
# PYTHON=python3.12 make …    another Python (3.10 to 3.13); .venv is made anew for it

PYTHON ?= $(shell for p in python3 python python3.13 python3.12 python3.11 python3.10; do \
	$$p -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
READY := $(VENV)/ready-$(VERSION)
SAMPLE := data/cat_sample
CONFIG := configs/cat_hourglass_sample.py

.PHONY: setup demo test lint bench fuzz clean
.DELETE_ON_ERROR:

setup: $(READY)

$(READY): setup.cfg pyproject.toml Makefile
	@test -n "$(VERSION)" || { echo "error: no Python 3.10 to 3.13 here ('$(PYTHON)'); install one, or PYTHON=/path/to/python make $@"; exit 2; }
	@if [ -e $(VENV) ] && ! $(BIN)/python -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "$(VERSION)")'; \
		then echo "$(VENV) is of another Python: making it anew for $(VERSION)"; rm -rf $(VENV); fi
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --no-deps 'mmpose==1.3.2'
	@touch $@

$(SAMPLE): | $(READY)
	$(BIN)/python tools/dataset.py sample cat --out $(SAMPLE) --num 600 --seed 0

demo: $(READY) | $(SAMPLE)
	$(BIN)/python tools/train.py $(CONFIG)
	$(BIN)/python tools/test.py $(CONFIG)
	$(BIN)/python tools/demo.py $(SAMPLE)/CAT_06/00000596_000.jpg $(SAMPLE)/CAT_06/00000597_000.jpg \
		$(SAMPLE)/CAT_06/00000598_000.jpg $(SAMPLE)/CAT_06/00000599_000.jpg --out work_dirs/demo
	@echo "look at work_dirs/demo/*.jpg and work_dirs/$(notdir $(basename $(CONFIG)))/best_and_worst.jpg"

test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(READY)
	$(BIN)/ruff check kpplugins tools tests configs benchmarks fuzzing
	$(BIN)/ruff format --check kpplugins tools tests benchmarks fuzzing
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python -m benchmarks --out docs/bench.json

MINUTES := 10
SEED := 0

fuzz: $(READY)
	$(BIN)/python -m fuzzing --minutes $(MINUTES) --seed $(SEED)

clean:
	rm -rf $(VENV) build *.egg-info
