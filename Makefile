# make train, make lab, make test: each sets up what it needs in .venv, once.
PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin

# Tests start hundreds of Pythons, each of which would compile chainrule anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: train lab test test-long test-floors test-graders lint pictures api dist bench bench-full clean

train: $(VENV)/ready
	$(BIN)/chainrule train $(ARGS)

lab: $(VENV)/ready-lab
	$(BIN)/chainrule lab $(ARGS)

# Half of the time is a browser's, and of those more than six at once gain nothing.
test: lint
	$(BIN)/python -m pytest -m "not long" -n auto --maxprocesses 6 --dist worksteal $(ARGS)

test-long: lint
	$(BIN)/python -m pytest $(ARGS)

# The oldest versions of what chainrule needs, and the newest, each in an environment of its own.
FLOORS := .venv-floors

test-floors:
	$(PYTHON) tests/floors.py $(ARGS)

# Teachers' tools, in an environment of their own.
GRADERS := .venv-graders

test-graders: $(GRADERS)/ready
	$(GRADERS)/bin/python tests/graders.py

$(GRADERS)/ready: tests/graders.txt constraints.txt pyproject.toml
	$(PYTHON) -m venv $(GRADERS)
	$(GRADERS)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt \
	    -r tests/graders.txt -e .
	touch $@

lint: $(VENV)/ready-dev
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --check --quiet
	$(BIN)/mypy --no-error-summary

# Pictures of the lab for the documents, and the API reference from the docstrings.
pictures: $(VENV)/ready-dev
	$(BIN)/python docs/pictures/take.py

api: $(VENV)/ready-dev
	$(BIN)/python docs/reference/make_api.py

# The sdist, and the wheel that is made from it.
dist: $(VENV)/ready-dev
	rm -rf dist
	$(BIN)/python -m hatchling build -t sdist
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation \
	    -w dist dist/chainrule-*.tar.gz

# The contestants live in an environment of their own.
BENCH := benchmarks/.venv

bench bench-full: $(BENCH)/ready
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE \
	    $(BENCH)/bin/python benchmarks/bench.py $(if $(filter bench-full,$@),--full)

$(BENCH)/ready: benchmarks/requirements.txt pyproject.toml
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	$(BENCH)/bin/pip install --quiet --disable-pip-version-check -e .
	touch $@

clean:
	rm -rf $(VENV) $(BENCH) $(FLOORS) $(GRADERS) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/ready: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/ready-lab: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[lab]'
	touch $@ $(VENV)/ready

# Dependency groups need pip 25.1; a Python may bring an older one.
$(VENV)/ready-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[lab]' --group dev
	touch $@ $(VENV)/ready $(VENV)/ready-lab
