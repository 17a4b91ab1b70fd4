# Everything a developer or a continuous-integration run needs. Each target makes what it needs itself.
#
#   PYTHON   the interpreter that the virtual environment is made with (3.11 or newer)
#   VENV     the virtual environment; VENV= (empty) uses PYTHON as it is and installs nothing
#   WORKERS  test processes
#   TORCH    the PyTorch that the tests use; PyTorch's default Linux wheel brings gigabytes of CUDA, hence the CPU build
#   CUDA     the extra that brings the CuPy of `make test-gpu`: cuda12 or cuda13, whichever matches the driver
#   ARGS     more arguments for the command of the target

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
TORCH ?= $(if $(filter Linux,$(shell uname -s)),torch==2.13.0+cpu,torch==2.13.0)
CUDA ?= cuda13
ARGS ?=

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

ifeq ($(VENV),)
  PY := $(PYTHON)
  DEMO_READY :=
  TEST_READY :=
  GPU_READY :=
  BIN :=
  BENCH_READY :=
  DOCS_READY :=
else
  PY := $(VENV)/bin/python
  DEMO_READY := $(VENV)/.installed-demo
  TEST_READY := $(VENV)/.installed-test
  GPU_READY := $(VENV)/.installed-$(CUDA)
  BIN := $(VENV)/bin/
  BENCH_READY := $(VENV)/.installed-bench
  DOCS_READY := $(VENV)/.installed-docs
  # pyright and asv look for the environment's own `python` on the path.
  export PATH := $(abspath $(VENV))/bin:$(PATH)
endif

# Errors only: pip warns of what its own configuration says. Modules are compiled when first imported, not all at once,
# so bytecode must be written.
unexport PYTHONDONTWRITEBYTECODE
INSTALL = $(PY) -m pip --disable-pip-version-check --quiet --quiet install --no-compile

# The cores go to the test processes, not to each one's linear algebra; the examples are the same in every run.
TEST_ENV = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 HYPOTHESIS_PROFILE=$(or $(HYPOTHESIS_PROFILE),ci)
PYTEST = $(TEST_ENV) $(PY) -m pytest

# One at a time: the checks stop at the first failure, and pytest's closing line comes last.
.NOTPARALLEL:
.PHONY: help demo check test test-all test-gpu bench peers docs format clean

help:  ## List the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "funcnet needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-demo: pyproject.toml | $(VENV)/bin/python
	$(INSTALL) --editable '.[data,plot,io]'
	@touch $@

# PyTorch goes first and by itself, so that nothing else can pull in its CUDA build. Without it its tests skip.
$(VENV)/.installed-torch: | $(VENV)/bin/python
	@if $(INSTALL) --only-binary :all: '$(TORCH)'; then echo 'installed $(TORCH)'; \
	else echo 'could not install $(TORCH): what needs PyTorch will be skipped (name another build with TORCH=...)'; fi
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(VENV)/.installed-torch
	$(INSTALL) --editable '.[test]'
	@touch $@

$(VENV)/.installed-$(CUDA): pyproject.toml | $(VENV)/.installed-test
	$(INSTALL) --editable '.[$(CUDA)]'
	@touch $@

$(VENV)/.installed-bench: pyproject.toml | $(VENV)/.installed-torch
	$(INSTALL) --editable '.[bench]'
	@touch $@

$(VENV)/.installed-docs: pyproject.toml | $(VENV)/bin/python
	$(INSTALL) --editable '.[docs]'
	@touch $@

demo: $(DEMO_READY)  ## Train on scikit-learn's digits and write two pictures.
	$(PY) examples/digits.py $(ARGS)

check: $(TEST_READY)  ## Everything that is checked without running the code.
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m pyright
	$(BIN)lint-imports
	$(PY) -m validate_pyproject pyproject.toml
	@if [ -f asv.conf.json ]; then set -x; $(PY) -m asv check --environment existing; fi

test: check  ## All checks, then the tests, the docstrings and the examples.
	$(PYTEST) --numprocesses $(WORKERS) --dist worksteal $(ARGS)

test-all: check  ## The same with the slow tests.
	$(PYTEST) --numprocesses $(WORKERS) --dist worksteal -m '' $(ARGS)

test-gpu: $(GPU_READY)  ## The tests on CuPy; `make test-gpu VENV= PYTHON=python3` where CuPy is installed already.
	$(PY) -c 'import cupy, sys; sys.exit(0 if cupy.is_available() else "CuPy finds no CUDA device")'
	FUNCNET_TEST_BACKENDS=cupy $(PYTEST) $(ARGS)

bench: $(BENCH_READY)  ## Run the benchmarks with airspeed velocity.
	$(PY) -m asv machine --yes
	$(PY) -m asv run --environment existing --show-stderr $(ARGS)

peers: $(BENCH_READY)  ## Time funcnet beside other libraries in one run.
	$(PY) -m benchmarks.peers $(ARGS)

docs: $(DOCS_READY)  ## Build the HTML documentation.
	$(PY) -m sphinx -W --keep-going -b html docs docs/_build/html

format: $(TEST_READY)  ## Sort imports and format every file.
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

clean:  ## Remove the virtual environment, caches and built files.
	rm -rf .venv .asv .hypothesis .import_linter_cache .pytest_cache .ruff_cache build dist docs/_build docs/functions outputs
	find funcnet tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
