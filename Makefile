# `make help` lists the commands. Commands that use .venv first create it if it is missing or a requirements file has
# changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH_READY := $(VENV)/.ready-bench

.PHONY: help demo test fuzz bench soak lint screenshots setup lock clean

help:
	@echo "make demo         run both function apps with a local tenant until Ctrl+C (ARGS=--once: call once and exit)"
	@echo "make test         run linter, type checker and tests (ARGS='-k name': selected tests, '-p randomly': random order)"
	@echo "make fuzz         run the property tests with random examples for 60 seconds (SECONDS=600, SEED=123)"
	@echo "make bench        run the benchmarks, in about five minutes (ARGS=validation: run only this part)"
	@echo "make soak         run both functions under load for ten minutes, while keys rotate and endpoints fail"
	@echo "make lint         run the linter, the type checker and the import rules, without tests"
	@echo "make screenshots  create the pictures in docs/images with an installed Chromium"
	@echo "make lock         pin the newest versions that requirements.in allows"
	@echo "make clean        remove .venv, caches and the local tenant's state"

demo: $(READY)
	@$(BIN)/python -m local_azure demo $(ARGS)

# Runs four tests at a time, even on fewer cores, because tests mostly wait for processes and responses.
# Bytecode is cached even if the environment forbids it, because the tests start hundreds of processes.
test: export PYTHONDONTWRITEBYTECODE =
test: lint
ifeq ($(ARGS),)
	@$(BIN)/python -m pytest --cov -n 4 tests/aad_func
	@$(BIN)/python -m pytest -n 4 --ignore=tests/aad_func
else
	@$(BIN)/python -m pytest -n 4 $(ARGS)
endif

fuzz: $(READY)
	@SEED=$(SEED) SECONDS=$(SECONDS) $(BIN)/python -m tests.fuzz

bench: $(BENCH_READY)
	@$(BIN)/python -m bench $(ARGS)

soak: $(BENCH_READY)
	@$(BIN)/python -m bench.soak $(ARGS)

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

screenshots: $(READY)
	@$(BIN)/python -m tests.screenshots

setup: $(READY)

$(READY): requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is required. To select another Python: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "This Python does not include venv or ensurepip. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Creating $(VENV), which takes about a minute ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $(READY)

$(BENCH_READY): $(READY) requirements-bench.txt
	@echo "Installing the packages for benchmarks ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	@touch $(BENCH_READY)

lock: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@{ head -n 1 requirements.txt; $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header requirements.in; } > $(VENV)/requirements.txt && mv $(VENV)/requirements.txt requirements.txt

clean:
	@rm -rf $(VENV) .local_azure .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
