# The two commands of the README, each doing all of its own set-up in a virtual environment inside the clone:
#   make demo    certify the shipped model ladder, print the table, draw the figure
#   make test    the whole test suite, the proofs with it where Coq is there or can be installed
#   make figures every figure anew from experiments/results, in under a minute
#   make bench-quantizers   quantizers of other packages, in an environment of their own, beside genbound's
#   make proofs  install Coq if need be, check the proofs, print every theorem with its axioms
#
# TORCH is installed first and pinned, so that a machine with a CPU wheel at hand gets no CUDA packages. On a CUDA
# machine choose another build, for example: make demo TORCH="torch==2.11.0"

PYTHON ?= python3
TORCH  ?= torch==2.13.0
VENV   ?= .venv
OUT    ?= demo

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test figures proofs lint bench bench-quantizers clean

demo: $(VENV)/.installed-lm
	$(BIN)/genbound demo -o $(OUT)

test: $(VENV)/.installed-testing
	@proofs/install.sh --if-possible
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

figures: $(VENV)/.installed-figures
	$(BIN)/python paper_figures/draw.py

proofs:
	@proofs/install.sh
	$(PYTHON) proofs/check.py

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

BENCHMARKS := $(filter-out benchmarks/quantizers.py benchmarks/_%, $(wildcard benchmarks/*.py))

bench: $(VENV)/.installed-testing
	@for script in $(BENCHMARKS); do echo "== $$script"; $(BIN)/python $$script || exit 1; done

bench-quantizers: $(VENV)/.installed-testing
	$(BIN)/python benchmarks/quantizers.py --peers .cache/quantizer_peers --install
	$(BIN)/python benchmarks/quantizers.py --peers .cache/quantizer_peers --json experiments/results/quantizers.json

clean:
	rm -rf $(OUT) .cache build dist *.egg-info

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-figures: pyproject.toml $(BIN)/python
	$(PIP) -e ".[figures]"
	@touch $@

$(VENV)/.installed-torch: $(BIN)/python
	$(PIP) "$(TORCH)"
	@touch $@

$(VENV)/.installed-lm: pyproject.toml $(VENV)/.installed-torch
	$(PIP) -e ".[lm,fast]"
	@touch $@

$(VENV)/.installed-testing: pyproject.toml $(VENV)/.installed-lm
	$(PIP) -e ".[lm,fast,testing]"
	$(PIP) --no-deps -r experiments/spectrum-requirements.txt
	@touch $@

$(VENV)/.installed-dev: pyproject.toml $(VENV)/.installed-testing
	$(PIP) -e ".[dev]"
	@touch $@
