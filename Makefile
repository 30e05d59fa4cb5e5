# `make figures` and `make test`: each makes .venv, installs what it needs (once) and runs.
#
# Variables, all optional, given as in `make PYTHON=python3.12 test`:
#   PYTHON       the interpreter to make .venv with (default: the first of 3.11, 3.12, 3.13 and python3 that works)
#   TORCH_INDEX  where pip finds the CPU build of torch on Linux, so that nobody downloads gigabytes of CUDA unasked;
#                `make TORCH_INDEX= test` takes the ordinary build instead (after `make clean` if there is a .venv)
#   NEED_MB      free disk space to ask for before making .venv: about 1.5 times what it takes (0: don't ask)
#   PYTEST_ARGS  more arguments for pytest, as in `make test PYTEST_ARGS='--runslow -n 2'`
#   WORKERS      processes that run the tests side by side, one BLAS thread each (default: a core each, at most 4)
#   W2S_DATA     a folder with real data; ../shared/data is taken where there is one and this isn't set

PYTHON ?=
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
NEED_MB ?= $(if $(strip $(TORCH_INDEX)),3800,11300)
PYTEST_ARGS ?=
WORKERS ?= auto --maxprocesses 4
export PYTHON TORCH_INDEX NEED_MB

python := .venv/bin/python
with_data = if [ -z "$${W2S_DATA+set}" ] && [ -d ../shared/data ]; then W2S_DATA=$$(cd ../shared/data && pwd) && export W2S_DATA; fi;

.PHONY: help figures full test lint docs bench clean

help:
	@echo 'make figures   every figure and the ledger, small grids (minutes)'
	@echo 'make full      the same with the full grids of the committed results'
	@echo 'make test      the tests'
	@echo 'make lint      formatting, lint and types'
	@echo 'make docs      the documentation as a web site, in build/docs/'
	@echo 'make bench     timings beside named peers (ten minutes, on a machine that does nothing else)'
	@echo 'make clean     remove .venv and the caches'

figures: .venv/.installed
	@$(with_data) $(python) -m experiments --quick

full: .venv/.installed
	@$(with_data) $(python) -m experiments --full

test: .venv/.installed
	@$(with_data) OMP_NUM_THREADS=1 $(python) -m pytest --hypothesis-profile=ci -n $(WORKERS) $(PYTEST_ARGS)

lint: .venv/.installed
	$(python) -m ruff format --check
	$(python) -m ruff check
	$(python) -m pyright

.venv/.installed: pyproject.toml constraints.txt
	@sh .ci/make_venv

docs: .venv/.installed
	$(python) -m mkdocs build --strict -f docs/_config/mkdocs.yml

bench: .venv/.installed
	@OMP_NUM_THREADS=1 $(python) -m benchmarks

clean:
	rm -rf .venv build dist .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
