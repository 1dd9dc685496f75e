# make demo | test | fuzz | bench | soak | lint | screenshots | lock | clean. Each sets up .venv first, and again only when a
# requirements file changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH_READY := $(VENV)/.ready-bench

.PHONY: help demo test fuzz bench soak lint screenshots setup lock clean

help:
	@echo "make demo    both function apps with a local tenant, until Ctrl+C (ARGS=--once: call once and exit)"
	@echo "make test    lint, types, import rules and tests (ARGS='-k name': some of them, without coverage)"
	@echo "make fuzz    attacks at random for SECONDS=60 (SEED=123: one run again)"
	@echo "make bench   benchmarks, compared with baselines (less than five minutes; ARGS=validation: a part of it)"
	@echo "make soak    both functions under load for ten minutes, while keys rotate and endpoints fail"
	@echo "make lint    the same without tests"
	@echo "make screenshots   the pictures in docs/images, by a Chromium that is installed"
	@echo "make lock    pin the newest versions that requirements.in allows"
	@echo "make clean   remove .venv and what tools leave behind"

demo: $(READY)
	@$(BIN)/python -m local_azure demo $(ARGS)

# Four at a time, on fewer cores too: much of a test is waiting for a process or the other side.
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
	  { echo "Python 3.11 or newer is needed; choose one with make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "This Python lacks venv or ensurepip. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Setting up $(VENV) (about a minute, once) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $(READY)

$(BENCH_READY): $(READY) requirements-bench.txt
	@echo "Adding what is compared with ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	@touch $(BENCH_READY)

lock: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@{ head -n 1 requirements.txt; $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header requirements.in; } > $(VENV)/requirements.txt && mv $(VENV)/requirements.txt requirements.txt

clean:
	@rm -rf $(VENV) .local_azure .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
