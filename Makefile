# Two commands on a fresh machine with Python 3.11 or newer and make do all: `make demo` and `make test`.
# `make setup` makes .venv from the pinned, hashed requirements. Another interpreter: make setup PYTHON=/path/to/python3.12

.SHELLFLAGS := -eu -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ROWS ?= 1000
TESTS ?= tests
WORKERS ?= 2
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

export PYTHONUTF8 := 1

.PHONY: help
help: ## Show what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/\1\t\2/p' $(MAKEFILE_LIST) | awk -F'\t' '{printf "  %-14s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(VENV)/.product ## Make .venv from the pinned, hashed requirements, and fetch the portal's files for browsers
	@$(BIN)/python -m portal.static.fetching

.PHONY: setup-dev
setup-dev: $(VENV)/.development ## The same with what tests, types and lint need
	@$(BIN)/python -m portal.static.fetching --development
	@$(BIN)/python -m tests.support.identity_provider.fetching

$(BIN)/python:
	@$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info[:2] < (3, 14), sys.version' 2>/dev/null || { \
	  echo "Nightmail needs Python 3.11, 3.12 or 3.13; \`$(PYTHON)\` is: $$($(PYTHON) --version 2>&1 || true)"; \
	  echo "Name another one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  echo "This Python cannot make virtual environments. On Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The requirements are complete and hashed, so that nothing is resolved: what is installed is what was tested.
$(VENV)/.product: requirements.txt .ci/launcher | $(BIN)/python
	$(PIP) install --quiet --quiet --no-deps --require-hashes -r requirements.txt
	@$(BIN)/python .ci/launcher
	@touch $@

$(VENV)/.development: requirements-dev.txt .ci/launcher | $(BIN)/python
	$(PIP) install --quiet --quiet --no-deps --require-hashes -r requirements-dev.txt
	@$(BIN)/python .ci/launcher
	@touch $@ $(VENV)/.product

.PHONY: demo
demo: setup ## Run the main job once, narrated, in the sandbox (ROWS=1000; KEEP=1 stays up to look around)
	@$(BIN)/nightmail demo --rows $(ROWS) $(if $(KEEP),--keep)

.PHONY: up
up: setup ## Run everything on this machine until Ctrl-C
	@$(BIN)/nightmail up

.PHONY: test
test: setup-dev ## Run the whole suite
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(TESTS)

.PHONY: test-unit
test-unit: setup-dev ## The tests that need no server
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "unit and not conformance" $(TESTS)

.PHONY: test-real-parts
test-real-parts: setup-dev ## Those against PostgreSQL, SFTP servers and the sandbox
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m real_parts $(TESTS)

.PHONY: test-end-to-end
test-end-to-end: setup-dev ## Those of whole deployments
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m end_to_end $(TESTS)

.PHONY: peers
peers: ## Make .venv-peers with what benchmarks.peers compares with (Postfix and Redis are Debian's packages)
	@test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip --disable-pip-version-check --no-input install --quiet --quiet --no-deps --require-hashes -r benchmarks/peer_programs/requirements.txt

.PHONY: lint
lint: setup-dev ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: types
types: setup-dev ## Check types, strictly
	$(BIN)/mypy

.PHONY: format
format: setup-dev ## Bring the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: conformance
conformance: setup-dev ## Compare what is sent with the carriers' published OpenAPI descriptions (needs Node)
	tests/conformance/fetch .conformance
	$(BIN)/python -m pytest tests/conformance -m conformance

.PHONY: docs
docs: setup ## Write the generated parts of the docs again
	$(BIN)/python -m commands.documentation

.PHONY: translations
translations: setup-dev ## Bring the portal's catalogues up to its texts, and list what is not translated
	$(BIN)/python -m portal.web.catalogues

.PHONY: screenshots
screenshots: setup-dev ## Make pictures of the portal's pages, in .screenshots and docs/pictures/portal (needs Debian's chromium)
	$(BIN)/python -m pytest -q tests/portal/web/make_screenshots.py

.PHONY: requirements
requirements: setup-dev ## Pin the newest versions that pyproject.toml allows
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url \
	  --no-emit-find-links pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url \
	  --no-emit-find-links pyproject.toml --group dev -o requirements-dev.txt

.PHONY: clean
clean: ## Remove caches; data and .venv stay
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
