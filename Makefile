# `make` alone lists the targets. Everything is set up in .venv from constraints.txt.
PYTHON ?= python3
# Which build of torch: cpu, or a CUDA version of torch's index such as cu130.
TORCH ?= cpu
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready-$(TORCH)
# Debian parts that some tests need; the product itself needs none.
SYSTEM := postgresql-15 postgresql-15-postgis-3 chromium
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup system demo demo-all test test-all lint format bench constraints clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv from the pinned constraints (TORCH=cpu or, for example, TORCH=cu130)

# torch first: an index that has the wanted build is asked only where pip does not know one already.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit(f"Swath needs Python 3.11 or later, this is {sys.version.split()[0]}: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet "torch==2.13.0+$(TORCH)" -c constraints.txt 2>/dev/null \
	  || $(BIN)/pip install --quiet "torch==2.13.0+$(TORCH)" -c constraints.txt --extra-index-url https://download.pytorch.org/whl/$(TORCH)
	$(BIN)/pip install --quiet -c constraints.txt -e '.[test,lint]'
	@# a test reads the model file of this one; what it would pull (OpenCV and more) nobody here needs
	$(BIN)/pip install --quiet --no-deps -c constraints.txt s2cloudless==1.7.3
	rm -f $(VENV)/.ready-*
	touch $@

system: setup ## list and install the Debian parts that some tests need (as root), and their Python environment
	@echo "Debian packages: $(SYSTEM)"
	dpkg -s $(SYSTEM) >/dev/null 2>&1 || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(SYSTEM); }
	$(BIN)/python tests/support/stac_api.py --install

demo: setup ## the main jobs on a simulated Earth, offline: a mosaic and land cover, compared with the truth, and pictures
	$(BIN)/swath demo --out demo

demo-all: setup ## the same, and biomass, clouds and species: a model of each trained, mapped and shown; about 15 minutes
	$(BIN)/swath demo --all --out demo

test: setup ## the tests that need no network
	$(BIN)/python -m pytest -m "not slow" --durations=15

test-all: setup ## all tests, the slow ones too
	$(BIN)/python -m pytest --timeout=3600 --durations=30

lint: setup ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## the benchmarks whose readings stand in docs/benchmarks.md
	$(BIN)/python -m tests.bench

constraints: ## write what .venv holds into constraints.txt
	{ echo "# What 'make setup' installs: tested together on Python 3.11. Made by 'make constraints'."; \
	  $(BIN)/pip freeze --exclude-editable | sed -E 's/^(torch==[0-9.]+)\+.*/\1/'; } > constraints.txt

clean: ## remove what make made
	rm -rf $(VENV) .venv-stac demo build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
