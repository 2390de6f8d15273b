# Two commands do everything: `make demo` shows the main job, `make test` runs the tests.
# Both use .venv, filled from constraints.txt (exact versions, with hashes).

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test setup tools lint lock

demo: setup
	$(BIN)/newsletter demo

test: setup tools lint
# Three at a time on two cores, since many tests wait. What fails on a busy machine is run once more, alone.
	$(BIN)/pytest -n 3 --dist loadfile || $(BIN)/pytest --last-failed --last-failed-no-failures none

setup: $(VENV)/installed

$(VENV)/installed: constraints.txt pyproject.toml
	PYTHON="$(PYTHON)" sh tests/bring/venv.sh "$(VENV)"
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

tools: setup
	sh tests/bring/tools.sh "$(VENV)"

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy

# Renew constraints.txt after a change of dependencies; needs `pip install uv`.
lock:
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate --all-extras pyproject.toml tests/bring/build.in -o constraints.txt
