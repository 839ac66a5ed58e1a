# Nothing has to be installed before these but Python 3.11 (or newer), make and git.
#
#   make demo        the main job, as an editor does it, in one readable transcript
#   make test        the tests, on real engines that the tests start themselves
#   make test-all    everything on every kind of engine, with the coverage that is asked for
#
# make test ARGS="tests/rules -x" runs a part of them; ARGS="--engines docker" runs the conformance suite on that kind of
# engine and the mock only. tests/README.md has more.

PYTHON_FILES = runtimes/src server/src pytest_dvm/src tests demo benchmarks scripts
BIN = .venv/bin
WORKERS = 2
# Each part in one worker, as tests/engines/spreading.py has it; what takes longest begins first.
SPREAD = -n $(WORKERS) --dist loadscope --no-loadscope-reorder
ARGS =

.PHONY: help setup demo test test-all lint style types docs format lock bench vsix vscode-test dist version release-check clean

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile
	@echo "Others: setup lint style types docs format bench vsix vscode-test lock dist version release-check clean"

setup:
	@scripts/setup

demo: setup
	@$(BIN)/python -m demo

test: setup
	@$(BIN)/python -m tests.engines
	@scripts/tests-once-more $(BIN)/python -m pytest $(SPREAD) $(ARGS)

# Before a release, and after a change to an engine.
test-all: setup
	@$(BIN)/python -m tests.engines
	@$(BIN)/python -m coverage erase
	@scripts/tests-once-more $(BIN)/python -m coverage run -m pytest $(SPREAD) --engines all $(ARGS)
	@scripts/coverage

lint: style types docs

style: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy $(PYTHON_FILES)

# The documentation as a site, in build/docs. Everything is read anew, so that a broken link fails each time.
docs: setup
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --fresh-env -c docs -d build/doctrees . build/docs

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# For maintainers: new versions into constraints.txt.
lock: setup
	@scripts/lock

bench: setup
	@$(BIN)/python -m benchmarks $(ARGS)

# The VS Code extension, with the Python that it needs, as one file.
vsix: setup
	@vscode-extension/scripts/package

# The tests of the extension alone: its parts, its package, and a user's sessions in a real workbench.
vscode-test: setup
	@$(BIN)/python -m tests.engines docker
	@$(BIN)/python -m pytest tests/vscode $(ARGS)

# The three wheels and source archives, into dist/.
dist: setup
	@rm -rf dist
	@for part in runtimes server pytest_dvm; do \
		$(BIN)/python -m build --no-isolation --outdir dist $$part || exit 1; \
	done

# The version of every file; make version VERSION=0.2.0 writes another one into them.
version: setup
	@$(BIN)/python scripts/version.py $(VERSION)

# What a release publishes, built, installed into an empty environment and tried there. TAG=v0.2.0 must be the version.
release-check: dist vsix
	@scripts/release-check $(TAG)

clean:
	rm -rf .venv .make build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.*
