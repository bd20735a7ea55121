# Two commands set up all they need: `make bench` and `make test`.
# uv is used when it is installed; plain python3 with venv is enough.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
UV     := $(shell command -v uv 2>/dev/null)
PYTEST_ARGS ?=

.PHONY: help bench bench-full bench-self smoke regress baseline test test-full lint format docs sizes lock report headline selftest setup dev clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.bench ## Install what `make bench` needs into .venv
dev: $(VENV)/.dev ## Install what `make test` needs into .venv

bench: $(VENV)/.bench ## Quick ladder of sizes, all solvers: a table and results/quick.html (under five minutes)
	@$(BIN)/planbench bench quick

bench-full: $(VENV)/.bench ## The long run, a night: four structures up to a million goods
	@$(BIN)/planbench bench full

smoke: $(VENV)/.bench ## A benchmark of under a minute, as CI runs it
	@rm -f results/smoke.jsonl
	@$(BIN)/planbench bench smoke --out results/smoke.jsonl

# Counters only, which another machine repeats; it may be another machine.
GATE := results/baselines/smoke.jsonl results/smoke.jsonl --layers counters --allow machine

regress: $(VENV)/.bench ## Hold the last `make smoke` against the committed baseline
	@$(BIN)/planbench regress $(GATE)

baseline: smoke ## Run the smoke suite, show what changes, and make it the baseline
	@$(BIN)/planbench regress $(GATE) --update

report: $(VENV)/.bench ## Write the HTML report of the last `make bench` again
	@$(BIN)/planbench report results/quick.jsonl -o results/quick.html

bench-self: $(VENV)/.dev ## Time planbench itself; compare with `planbench regress OLD results/self/self.jsonl` (ten minutes)
	@mkdir -p results/self && rm -f results/self/*.json
	@$(BIN)/python -m pytest -q benchmarks --benchmark-json=results/self/steps.json
	@$(BIN)/python benchmarks/commands.py --quiet -o results/self/commands.json
	@if command -v valgrind >/dev/null; then \
	  $(BIN)/python benchmarks/instructions.py -o results/self/instructions.json; \
	else echo "instructions are not counted: valgrind is not installed"; fi
	@$(BIN)/python benchmarks/self_results.py results/self -o results/self/self.jsonl

headline: $(VENV)/.bench ## Write the README's figures and chart again from the reference run
	@$(BIN)/python benchmarks/headline.py results/reference/standard.jsonl \
	  --write README.md --figure docs/img/headline.svg

selftest: $(VENV)/.bench ## Count wrong verdicts of `planbench ab` on this machine (some minutes)
	@$(BIN)/python benchmarks/selftest.py

test: $(VENV)/.dev ## The tests (under eight minutes on two cores, ten the first time)
	@$(call tests)

test-full: $(VENV)/.dev ## All tests with the long fuzzing and fault runs
	@export PLANBENCH_FULL=1; $(call tests)

lint: $(VENV)/.dev ## ruff (lint and format) and mypy --strict
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.dev ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: $(VENV)/.dev ## The documentation in build/docs; a broken link is an error
	@rm -rf build/docs
	@$(BIN)/python -m sphinx -b html -W --keep-going --quiet docs build/docs
	@echo "build/docs/index.html"

sizes: $(VENV)/.dev ## Weigh the installation and each extra; write docs/install-size.md again
	@$(BIN)/python benchmarks/install_size.py --write docs/install-size.md

lock: ## Write uv.lock again, at the versions of constraints.txt (needs uv)
	@uv lock --quiet $$(sed -n 's/^\([A-Za-z].*\)$$/-P \1/p' constraints.txt)

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build dist

$(VENV)/.python:
ifdef UV
	@uv venv --quiet --allow-existing --python $(PYTHON) $(VENV)
else
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "planbench needs Python 3.11 or newer; set PYTHON=python3.12, say"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "$(PYTHON) has no venv; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
endif
	@touch $@

$(VENV)/.bench: $(VENV)/.python pyproject.toml constraints.txt
	@echo "Installing planbench and its solvers into $(VENV) ..."
	@$(call install,-e '.[bench]')
	@touch $@

$(VENV)/.dev: $(VENV)/.python pyproject.toml constraints.txt
	@echo "Installing planbench and its development tools into $(VENV) ..."
	@$(call pip)
	@$(call install,-e '.[all]' --group dev)
	@touch $@ $(VENV)/.bench

# Side by side what only computes, then one at a time what sets limits or measures. Both parts
# run whatever the first finds, and a failure in either fails.
tests = failed=0; \
  $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal -q -m 'not alone' $(PYTEST_ARGS) || failed=$$?; \
  $(BIN)/python -m pytest -m alone --durations=8 $(PYTEST_ARGS) || failed=$$?; \
  exit $$failed

ifdef UV
install = VIRTUAL_ENV=$(abspath $(VENV)) uv pip install --quiet -c constraints.txt $(1)
else
# Python compiles what is imported when it is first imported; the rest need not be.
install = $(BIN)/python -m pip install --no-compile --quiet --disable-pip-version-check -c constraints.txt $(1)
# Dependency groups need pip 25.1; the pip that comes with Python may be older.
pip = $(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
endif
