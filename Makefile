# make run    train on the handwritten digits and save model and learning curves in output/
# make test   everything that must pass: tests, lint, types, import contracts
# make bench  glassnet beside its peers, some 30 minutes; installs torch, jax and scikit-learn
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
NATIVE := $(VENV)/.native

.PHONY: help bench run test unit lint types contracts format wheel clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# //p' Makefile

run: $(NATIVE)
	@mkdir -p output
	$(BIN)/glassnet train digits --hidden 128 --epochs 20 --output output/digits.safetensors --plot output/learning-curves.png

test: unit lint types contracts

unit: $(NATIVE)
	@# Tests of the native module are skipped where it is missing; here it must not be.
	$(BIN)/python -c 'from glassnet.runners import native; assert native() is not None, "no native module"'
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

contracts: $(INSTALLED)
	$(BIN)/lint-imports

bench: $(NATIVE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,bench]' -C wheel.cmake=false
	$(BIN)/python -m benchmarks.run

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# make wheel  a pure-Python wheel in dist, for places without a compiler
wheel: $(INSTALLED)
	$(BIN)/pip wheel --no-deps --wheel-dir dist . -C wheel.cmake=false

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'glassnet needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ...'; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo 'Python cannot make virtual environments here: sudo apt install python3-venv'; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' \
	  -C wheel.cmake=false
	@touch $@

$(NATIVE): $(INSTALLED) CMakeLists.txt $(wildcard native/*.* native/kernels/*.*)
	@$(BIN)/cmake -S . -B build/native -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN)/ninja) \
	  -DPython_EXECUTABLE=$(abspath $(BIN)/python) -Dnanobind_DIR=$$($(BIN)/python -m nanobind --cmake_dir) \
	  -DGLASSNET_STRICT=ON -DGLASSNET_IN_SOURCE=ON --log-level=WARNING
	$(BIN)/cmake --build build/native
	@touch $@

clean:
	rm -rf $(VENV) build dist src/glassnet/_native.* output .mypy_cache .ruff_cache .pytest_cache .hypothesis
