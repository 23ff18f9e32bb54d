# The commands of a working day. `make` alone lists them.

PYTHON ?= python3
DATA ?=
OUT ?= submission/local
TIME_LIMIT ?= 8m
SIZE ?= moderate
PHANTOM := submission/local/phantom
SUBMISSION ?= $(OUT)/submission.csv
LABELS ?= $(DATA)/solution.csv
MODEL ?= $(OUT)/model
OWNER ?=

VENV := .venv
KAGGLE_VENV := .venv-kaggle
KIT := $(VENV)/bin/stenosis-kit
SIDE_BY_SIDE := -n 2 --dist loadfile
NEEDS_DATA = @test -n "$(DATA)" || { echo "DATA is missing: make $@ DATA=<folder into which the competition's zip was unpacked>" >&2; exit 2; }

.DEFAULT_GOAL := help
.PHONY: help setup submit test test-kaggle score doctor bundle kernels rehearse bench faults campaigns weights lint clean

## help: list the targets
help:
	@echo "make TARGET [DATA=folder] [OUT=$(OUT)] [TIME_LIMIT=$(TIME_LIMIT)] [PYTHON=$(PYTHON)]"
	@sed -n 's/^## /  /p' $(firstword $(MAKEFILE_LIST)) | awk -F': ' '{printf "%-14s %s\n", $$1, $$2}'

## setup: make .venv and install the kit with its test and report extras
setup: $(VENV)/installed

## submit: the whole road from DATA (a synthetic cohort where none is given) to OUT/submission.csv inside TIME_LIMIT
submit: setup
	$(if $(DATA),,$(KIT) phantom $(PHANTOM))
	$(KIT) submit "$(or $(DATA),$(PHANTOM))" "$(OUT)" --time-limit $(TIME_LIMIT)

## test: the test suite
test: setup
	$(VENV)/bin/python -m pytest $(SIDE_BY_SIDE)

## test-kaggle: the test suite with the versions of the Kaggle image, in .venv-kaggle
test-kaggle: $(KAGGLE_VENV)/installed
	$(KAGGLE_VENV)/bin/python -m pytest $(SIDE_BY_SIDE)

## score: score SUBMISSION against LABELS
score: setup
	$(if $(filter $(DATA)/solution.csv,$(LABELS)),$(NEEDS_DATA))
	$(KIT) score "$(SUBMISSION)" "$(LABELS)"

## doctor: what is wrong with DATA, before any work
doctor: setup
	$(NEEDS_DATA)
	$(KIT) doctor "$(DATA)"

## bundle: stage the wheel and MODEL (MODEL= for none) in submission/build, as OWNER's dataset
bundle: setup
	$(KIT) bundle $(if $(MODEL),"$(MODEL)") $(if $(OWNER),--owner "$(OWNER)")

## kernels: stage OWNER's three kernels in submission/kernels
kernels: setup
	@test -n "$(OWNER)" || { echo "OWNER is missing: make kernels OWNER=<your Kaggle account>" >&2; exit 2; }
	$(KIT) kernels --owner "$(OWNER)"

## rehearse: the three kernels in a Kaggle made of folders, with its versions, no network, a hidden test set (10 minutes)
rehearse: setup $(KAGGLE_VENV)/installed
	$(VENV)/bin/python tests/campaigns/rehearse.py --kaggle-python $(KAGGLE_VENV)/bin/python --logs submission/local/rehearsal

## bench: how fast the kit is beside notebooks and plain Keras, to bench.json (14 minutes)
bench: setup
	PYTHONPATH=tests $(VENV)/bin/python -m campaigns.bench

## faults: damage data and interrupt runs in every way, and print what was survived (SIZE=small, moderate or full)
faults: setup
	PYTHONPATH=tests $(VENV)/bin/python -m campaigns.faults --size $(SIZE)

## campaigns: the slow tests that make test leaves out: kernels, bench, every fault and damage, the wheel's workers
campaigns: setup
	$(VENV)/bin/python -m pytest -m campaign

## weights: make the bundled networks again from synthetic studies alone (100 minutes; goes on where it was)
weights: setup
	$(VENV)/bin/python -m stenosis_kit.road.make_weights

## lint: check style and formatting
lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

## clean: remove environments, caches and what make submit wrote by default
clean:
	rm -rf $(VENV) $(KAGGLE_VENV) submission/local submission/build submission/kernels build dist *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/installed: setup.cfg pyproject.toml tests/constraints-latest.txt
	$(call install,$(VENV),-c tests/constraints-latest.txt)

$(KAGGLE_VENV)/installed: setup.cfg pyproject.toml tests/constraints-kaggle.txt
	$(call install,$(KAGGLE_VENV),-c tests/constraints-kaggle.txt)

# $(call install,environment,options): a virtual environment with the kit in it, as an editable install
define install
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { echo "Python 3.11, 3.12 or 3.13 is needed, for which TensorFlow is made; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	$(PYTHON) -m venv $(1)
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check $(2) -e ".[report,test]"
	@touch $@
endef
