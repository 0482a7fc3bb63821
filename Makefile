# Two commands: `make up` runs a shop, `make test` runs every test. Both set the working copy up first.
# Arguments go on with ARGS: make up ARGS="--port 9000 --data-dir /some/where"

PYTHON ?= python3
ARGS ?=
# Where an image forbids compiled Python files, every process of a shop compiles 600 of them as it starts: 1 s.
unexport PYTHONDONTWRITEBYTECODE
SETUP = @$(PYTHON) scripts/bootstrap.py

.PHONY: up test lint fuzz assets bench chaos clean

up:
	$(SETUP) base --assets
	@.venv/bin/mercato up $(ARGS)

test: lint
	$(SETUP) dev --assets --browser
	@.venv/bin/pytest -n 3 --dist loadscope --no-loadscope-reorder $(ARGS)

# The check of dependencies ends with 3 when it has no data: it says so, and the tests go on.
lint:
	$(SETUP) dev
	@.venv/bin/python scripts/lint.py
	@.venv/bin/python scripts/vulnerabilities.py || test $$? -eq 3

# The API against its own description, and the lives of orders against a model: longer, and other ones each time.
EXAMPLES ?= 100
fuzz:
	$(SETUP) dev --assets
	@MERCATO_FUZZ_EXAMPLES=$(EXAMPLES) .venv/bin/pytest tests/api/test_openapi.py tests/faults/test_order_life.py $(ARGS)

assets:
	$(SETUP) base --assets

bench:
	$(SETUP) dev --assets
	@.venv/bin/python -m bench $(ARGS)

# A minute of orders while processes are killed, then the proof: make chaos ARGS="--seconds 300 --seed 7"
chaos:
	$(SETUP) dev --assets
	@.venv/bin/python -m bench.chaos $(ARGS)

# Data directories such as .mercato stay.
clean:
	rm -rf .venv .venv-cache node_modules src/mercato/ui/static .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests bench scripts -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
