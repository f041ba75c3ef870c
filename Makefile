# Two commands: `make run` sets everything up and runs the product, `make test` sets everything up and passes the tests.
PYTHON := .venv/bin/python
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Hundreds of Python processes are started by the tests: each would translate the whole program anew.
export PYTHONDONTWRITEBYTECODE :=

# Three nodes, a database and thirteen phones: both cores are theirs.
CROWDED := tests/scenarios/test_s05.py
# These hold stopwatches: three of them may run side by side, but nothing that wants a whole core.
PLAYS := tests/siplab $(filter-out $(CROWDED),$(wildcard tests/scenarios/test_s0*.py tests/scenarios/test_*phone.py \
	tests/scenarios/test_foreign*.py))

# What fails beside others runs once more by itself, in sight: a stopwatch proves nothing on a machine that stood still.
# What fails twice fails.
pytest = $(PYTHON) -m pytest $(1) $(2) || { echo 'Once more, what failed, by itself:'; \
	$(PYTHON) -m pytest $(2) --last-failed --last-failed-no-failures none; }

.PHONY: help run test demo bench soak lint types pages translated clean setup setup-test

help:           ## Show what there is
	@grep -E '^[a-z]+: .*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

run: setup      ## Set up everything and run a node (state in var/); Ctrl-C stops it
	@ringside serve

demo: setup     ## Robots play a first escalation on real SIP, RTP, MQTT and WebSocket; writes build/demo.json
	@siplab run s01 --json build/demo.json

test: setup-test lint  ## Set up everything, check the code, run all tests (under 10 minutes)
	@$(call pytest,-n 4 --dist loadfile,$(PLAYS:%=--ignore=%) --ignore=$(CROWDED))
	@$(call pytest,-n 3 --dist loadfile,$(PLAYS))
	@$(call pytest,,$(CROWDED))

lint: setup-test  ## Format and lint rules, strict types; the pages' own tests, which take seconds
	@ruff check .
	@ruff format --check .
	@$(MAKE) --no-print-directory --jobs=2 --output-sync types pages translated

# mypy works on one core; the other one has time for the rest.
types:
	@mypy
pages:
	@cd desk/web && npm run check --silent && npm test --silent
translated:     # so that not each worker of the tests has to do it
	@$(PYTHON) -m pytest --collect-only -q >/dev/null || true

bench: setup    ## Measure the performance budgets (15 minutes); writes build/bench.json and docs/performance.md
	@siplab bench --json build/bench.json --markdown docs/performance.md

SOAK_MINUTES ?= 30
soak: setup-test ## Calls, faults, a race for leases, 2,000 people's presence, SOAK_MINUTES (30) each; build/soak.json
	@$(PYTHON) -m siplab.soak --minutes $(SOAK_MINUTES) --json build/soak.json
	@ringside presence soak --minutes $(SOAK_MINUTES)

setup:          ## Install what `make run` needs (Debian packages, PJSIP, Python packages, web desk)
	@deploy/setup.sh run

setup-test:
	@deploy/setup.sh test

clean:          ## Remove what was built here (not the caches outside, not var/)
	rm -rf .venv build dist desk/static desk/web/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
