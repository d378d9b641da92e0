# `make test` checks everything, `make demo` shows it at work; both make .venv first where it is missing or outdated.

PYTHON := .venv/bin/python
PACKAGES := $(wildcard glimpse_env agents explain)
INSTALLED := .venv/.installed

.PHONY: test demo docs lint format types tests clean

test: lint types docs tests

demo: $(INSTALLED)
	$(PYTHON) scripts/demo.py

# The pages, with every warning an error: open docs/_build/html/index.html.
docs: $(INSTALLED)
	$(PYTHON) -m sphinx -W --keep-going -q -b html docs docs/_build/html

lint: $(INSTALLED)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

format: $(INSTALLED)
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

types: $(INSTALLED)
	$(PYTHON) -m mypy $(PACKAGES) $(wildcard scripts)

# The tests, with the examples on the pages, and the examples in the packages' docstrings.
tests: $(INSTALLED)
	$(PYTHON) -m pytest -n 2 --doctest-modules tests $(PACKAGES)

# Keeps .venv and what was trained.
clean:
	rm -rf build dist docs/_build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path "./.venv/*" -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml
	python3 -m venv .venv
	$(PYTHON) -m pip install -e ".[dev]"
	touch $@
