# Two commands: `make up` runs a shop, `make test` runs every test. Both set the working copy up first.
# Arguments go on with ARGS: make up ARGS="--port 9000 --data-dir /some/where"

PYTHON ?= python3
ARGS ?=
SETUP = @$(PYTHON) scripts/bootstrap.py

.PHONY: up test lint assets bench clean

up:
	$(SETUP) base --assets
	@.venv/bin/mercato up $(ARGS)

test:
	$(SETUP) dev --assets --browser
	@.venv/bin/pytest -n 2 $(ARGS)

lint:
	$(SETUP) dev
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy

assets:
	$(SETUP) base --assets

bench:
	$(SETUP) dev --assets
	@.venv/bin/python -m bench $(ARGS)

# Data directories such as .mercato stay.
clean:
	rm -rf .venv .venv-cache node_modules src/mercato/ui/static .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests bench scripts -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
