# Two commands do all the set-up on a fresh machine: `make demo` and `make test`.
# Another interpreter: `make test PYTHON=python3.13`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= auto

.PHONY: demo test test-guide test-jax test-torch lint docs build clean

demo: $(VENV)/demo
	$(BIN)/python examples/first_steps/quickstart.py

test: $(VENV)/test
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

# The examples on all pages of the documentation.
test-guide: $(VENV)/test
	$(BIN)/python -m pytest -n $(JOBS) docs/*.md docs/user_guide

# What is to work on other backends of Keras than TensorFlow.
test-jax test-torch: test-%: $(VENV)/%
	KERAS_BACKEND=$* $(BIN)/python -m pytest -m backends tests

lint: $(VENV)/lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

docs: $(VENV)/docs
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

build: $(VENV)/build
	$(BIN)/python -m build

clean:
	rm -rf $(VENV) build dist *.egg-info
	rm -rf docs/_build docs/api docs/auto_examples

# One file in the environment for each set of packages that is in it.
$(VENV)/python:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/demo: $(VENV)/python pyproject.toml
	$(BIN)/python -m pip install --editable '.[plot]'
	touch $@

$(VENV)/test: $(VENV)/python pyproject.toml
	$(BIN)/python -m pip install --editable '.[test]'
	touch $@

$(VENV)/jax $(VENV)/torch: $(VENV)/test
	$(BIN)/python -m pip install --editable '.[$(@F)]'
	touch $@

$(VENV)/docs: $(VENV)/python pyproject.toml
	$(BIN)/python -m pip install --editable '.[docs]'
	touch $@

$(VENV)/lint: $(VENV)/python pyproject.toml
	$(BIN)/python -m pip install $$($(PYTHON) -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['lint'])")
	touch $@

$(VENV)/build: $(VENV)/python
	$(BIN)/python -m pip install build
	touch $@
