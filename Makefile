# Every target installs what it needs the first time; afterwards that step takes no time.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

python := .venv/bin/python
pip_install := $(python) -m pip install -qq --disable-pip-version-check
sources := mlsysim widgets tests labs
javascript_tests := tests/javascript
biome := $(javascript_tests)/node_modules/.bin/biome
# npm writes this file when it has installed what package.json names.
node_modules := $(javascript_tests)/node_modules/.package-lock.json

# Jupyter asks to be told that its user, in a container for example, is root.
allow_root := $(if $(filter 0,$(shell id -u)),--allow-root)

# What an installation copies or reads, so that a change of it calls for a new one.
installed := pyproject.toml binder/requirements.txt $(wildcard widgets/mlsysim_widgets/voila_template/*)

# Pins must install on the oldest Python that people have, which is the one of Debian 12.
pin_with ?= /usr/bin/python3

# apt-get on Debian and its relatives, with the rights that this takes; a plain request elsewhere.
define install_debian_packages
	if ! command -v apt-get >/dev/null; then \
	  echo "Please install $(1) (or its like on this system) and run make again." >&2; exit 1; fi; \
	echo "Installing $(1) with apt-get."; \
	as_root=; [ "$$(id -u)" = 0 ] || as_root=sudo; \
	$$as_root apt-get update -qq; \
	$$as_root env DEBIAN_FRONTEND=noninteractive \
	  apt-get install --yes --no-install-recommends -qq $(1) >/dev/null
endef

# What tests import: the checkout, or with `package=wheel` the built package, as people install it.
package ?= checkout
tested_as_checkout := tests mlsysim widgets/mlsysim_widgets labs
tested_as_wheel := tests labs --pyargs mlsysim mlsysim_widgets

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

.PHONY: labs
labs: .venv/labs ## Open the labs in a browser, served by Voila
	@exec .venv/bin/mlsysim labs

.PHONY: lab
lab: .venv/labs ## Open the labs in JupyterLab, to write or change one
	@exec $(python) -m jupyterlab labs $(allow_root) \
	  --LabApp.news_url=None --LabApp.extension_manager=readonly

.PHONY: test
test: .venv/$(package) $(node_modules) chromium ## Run every test, browser tests included
	@# With -P, Python does not look into this folder first, where the checkout is.
	@MLSYSIM_TESTED=$(package) $(python) -P -m pytest \
	  --numprocesses=logical --maxprocesses=8 --dist=loadfile $(tested_as_$(package))

.PHONY: mutate
mutate: .venv/dev ## Put faults into the physics, one by one, and count those that tests notice
	@$(python) tests/mutate.py $(options)

.PHONY: pythons
pythons: .venv/dev ## Try the built package on every Python of this machine
	@$(python) tests/pythons.py

.PHONY: bench
bench: .venv/dev chromium ## Measure what everything costs, beside its floor and its budget
	@$(python) tests/bench.py $(options)

.PHONY: load
load: .venv/dev ## Hold a class of a hundred students on one server, and count what goes wrong
	@$(python) tests/load.py $(options)

.PHONY: fuzz
fuzz: .venv/dev ## Give the simulations 10,000 choices of all kinds, and print each promise they break
	@$(python) tests/fuzz.py $(options)

.PHONY: faults
faults: .venv/dev chromium ## Kill a hundred kernels under a student, and count what is lost
	@$(python) tests/faults.py $(options)

.PHONY: check
check: .venv/dev $(node_modules) ## Check format, lint, types, import contracts and documentation
	@.venv/bin/ruff format --check $(sources)
	@.venv/bin/ruff check $(sources)
	@$(biome) check --error-on-warnings
	@$(python) -m mypy
	@.venv/bin/lint-imports --no-logo
	@$(python) -m pytest --quiet mlsysim widgets tests/test_readme.py

.PHONY: format
format: .venv/dev $(node_modules) ## Format the code and mend what lint can mend by itself
	@.venv/bin/ruff format $(sources)
	@.venv/bin/ruff check --fix $(sources)
	@$(biome) check --write

.PHONY: pin
pin: ## Refresh the pinned versions of everything that is installed
	@echo "Resolving the newest versions in an empty environment (a few minutes)."
	@work=$$(mktemp -d); trap 'rm -rf "$$work"' EXIT; \
	$(pin_with) -m venv "$$work"; \
	pip() { "$$work/bin/python" -m pip -qq --disable-pip-version-check "$$@"; }; \
	pip install '.[labs]'; \
	{ echo "# What the labs run on, written by \`make pin\`."; \
	  pip freeze --exclude mlsysim; } >binder/requirements.txt; \
	pip install --constraint binder/requirements.txt '.[dev]'; \
	{ echo "# What tests and checks need on top of the labs, written by \`make pin\`."; \
	  pip freeze --exclude mlsysim | grep -vxFf binder/requirements.txt; } >tests/requirements.txt

.PHONY: audit
audit: .venv/created ## Hold the pinned versions against published advisories (needs the network)
	@$(pip_install) pip-audit
	@$(python) -m pip_audit --strict --disable-pip --no-deps --requirement binder/requirements.txt

.PHONY: clean
clean: ## Remove the environment, caches and build results
	@rm -rf .venv $(javascript_tests)/node_modules build dist test-artifacts \
	  .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find mlsysim widgets tests labs \( -name __pycache__ -o -name .ipynb_checkpoints \) \
	  -prune -exec rm -rf {} +

.PHONY: chromium
chromium:
	@for name in chromium chromium-browser google-chrome; do \
	  if command -v $$name >/dev/null; then exit 0; fi; done; \
	$(call install_debian_packages,chromium fonts-dejavu-core fonts-liberation)

.venv/created:
	@for candidate in python3.11 python3 python3.12 python3.13 python3.14; do \
	  if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    chosen=$$candidate; break; fi; done; \
	if [ -z "$${chosen:-}" ]; then \
	  echo "Python 3.11 or newer is needed, and none is on the path." >&2; exit 1; fi; \
	if ! $$chosen -c 'import ensurepip, venv' 2>/dev/null; then \
	  $(call install_debian_packages,python3-venv); fi; \
	echo "Creating .venv with $$($$chosen --version)."; \
	$$chosen -m venv .venv; \
	touch $@

.venv/labs: .venv/created $(installed)
	@echo "Installing the labs into .venv (a minute or two, once)."
	@$(pip_install) --constraint binder/requirements.txt --editable '.[labs]'
	@touch $@

.venv/dev: .venv/created $(installed) tests/requirements.txt
	@echo "Installing the labs and the development tools into .venv (a minute or two, once)."
	@$(pip_install) --constraint binder/requirements.txt --constraint tests/requirements.txt \
	  --editable '.[dev]'
	@touch .venv/labs $@

.PHONY: .venv/checkout .venv/wheel
.venv/checkout: .venv/dev

# Whatever comes after it gets the checkout back.
.venv/wheel: .venv/dev
	@echo "Building the wheel and installing it into .venv."
	@rm .venv/dev .venv/labs
	@$(pip_install) --no-deps --force-reinstall .

$(node_modules): $(javascript_tests)/package.json $(javascript_tests)/.npmrc
	@if ! command -v npm >/dev/null; then $(call install_debian_packages,nodejs npm); fi; \
	npm --prefix $(javascript_tests) install --loglevel=error \
	  --no-audit --no-fund --no-update-notifier >/dev/null
	@touch $@
