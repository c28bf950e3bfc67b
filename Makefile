# Needs make and Python >= 3.11; the rest comes from uv.lock. `make` alone says what there is.

PYTHON ?= python3
BIN := .venv/bin
# Given to the program a target runs: make test ARGS="-k wall"
ARGS ?=

# Temporary files of tests, one folder per user: PostgreSQL's lock is a file there that no other user may open.
TEST_TMP := $(or $(TMPDIR),/tmp)/crmkit-$(shell id -u)
PYTEST := TMPDIR="$(TEST_TMP)" $(BIN)/python -m pytest -n 2 --dist worksteal
STATIC := lint types imports docs

.DEFAULT_GOAL := help
.PHONY: help env demo test test-long test-all bench lint format types imports docs check check-all locales clean clean-env test-tmp

# Where this is set, crmkit would be compiled again at every start, which no user of a released wheel sees.
demo bench test test-long test-all: export PYTHONDONTWRITEBYTECODE :=

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

env: ## Build .venv from uv.lock; done by every target that needs it
	@$(PYTHON) tools/bootstrap.py

demo: env ## Make a demo company with two years of data, show it, and serve it; in the background where no terminal is
	@if [ -t 1 ]; then $(BIN)/crmkit demo $(ARGS); else $(BIN)/crmkit demo --background $(ARGS); fi

test: env test-tmp ## Run the quick tests, on SQLite and what is about storage on PostgreSQL as well
	@$(PYTEST) -m "not slow and not long and not twin" $(ARGS)

test-long: env test-tmp ## Run what takes over a second, and on PostgreSQL what `make test` ran on SQLite alone
	@$(PYTEST) -m "(long or twin) and not slow" $(ARGS)

test-all: env test-tmp ## Run every test
	@$(PYTEST) $(ARGS)

bench: env ## Measure, and print each figure beside its target
	@$(BIN)/python -m benchmarks $(ARGS)

lint: env ## Check style, format, and that the lock file fits pyproject.toml
	@$(PYTHON) tools/bootstrap.py lock --check --quiet
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: env ## Mend style and format where a tool can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: env ## Check types
	@$(BIN)/mypy

imports: env ## Check who imports whom
	@$(BIN)/lint-imports

docs: env ## Build the documentation into docs/_build/html
	@$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html

check: $(STATIC) test ## Run what must pass before a commit, which .ci/run runs too

check-all: $(STATIC) test-all ## Run check, with the slow tests

locales: env ## Extract texts, update the Chinese catalogues, compile them
	@$(BIN)/python tools/locales.py

clean: ## Remove what tools left behind
	rm -rf build dist demo docs/_build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -path ./.venv -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf

clean-env: ## Remove the environment
	rm -rf .venv .venv-tools

test-tmp:
	@mkdir -p "$(TEST_TMP)"
	@test -O "$(TEST_TMP)" || { echo "$(TEST_TMP) belongs to another user; set TMPDIR" >&2; exit 1; }
