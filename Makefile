# `make test` checks everything, `make demo` shows it at work; both make .venv first where it is missing or outdated.

PYTHON := .venv/bin/python
PACKAGES := $(wildcard glimpse_env agents explain)
INSTALLED := .venv/.installed
# The JavaScript of explain/page is checked where there are node and its tools.
PAGE_TOOLS := explain/page/node_modules/.package-lock.json
page_tool = if [ -e $(PAGE_TOOLS) ]; then cd explain/page && node_modules/.bin/$(1); \
	else echo "skipped: $(1) needs node, and npm's registry to install it from"; fi

OLDEST_PYTHON := 3.10

.PHONY: test demo docs pages reports lint format types tests oldest others clean

test: lint types docs tests

demo: $(INSTALLED)
	$(PYTHON) scripts/demo.py

# The pages, with every warning an error: open docs/_build/html/index.html.
docs: $(INSTALLED)
	$(PYTHON) -m sphinx -W --keep-going -q -b html docs docs/_build/html

# The pages of the documentation in which agents run: agents that come with the package.
MNIST := mnist
CLUTTERED := cluttered40
pages: $(INSTALLED)
	$(PYTHON) scripts/page.py $(MNIST) --output docs/_static/watch-mnist.html --layer-size 96
	$(PYTHON) scripts/page.py $(CLUTTERED) --output docs/_static/watch-cluttered.html --layer-size 96
	$(PYTHON) docs/record_watch.py

# The reports of the documentation: of these agents, and of RecurrentPPO after minutes of training.
RECURRENT_PPO := runs/report-recurrent-ppo
REPORT := --num-train 10000 --num-epochs 6
explain_into = $(PYTHON) -m explain $(1) $(REPORT) --folder runs/reports/$(2) \
	&& cp runs/reports/$(2)/report.html docs/_static/report-$(2).html
reports: $(INSTALLED)
	$(call explain_into,$(MNIST),mnist)
	$(call explain_into,$(CLUTTERED),cluttered)
	test -e $(RECURRENT_PPO)/evaluation.json || \
		$(PYTHON) scripts/train_sb3.py RecurrentPPO GlimpseMNIST-v0 --minutes 8 --run-folder $(RECURRENT_PPO)
	$(call explain_into,$(RECURRENT_PPO),recurrent-ppo)

lint: $(INSTALLED) $(PAGE_TOOLS)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	@$(call page_tool,biome check)

format: $(INSTALLED) $(PAGE_TOOLS)
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .
	@$(call page_tool,biome check --write)

types: $(INSTALLED) $(PAGE_TOOLS)
	$(PYTHON) -m mypy $(PACKAGES) $(wildcard scripts)
	@$(call page_tool,tsc)

# The tests, with the examples on the pages, and the examples in the packages' docstrings.
tests: $(INSTALLED)
	$(PYTHON) -m pytest -n 2 --doctest-modules tests $(PACKAGES)

# The tests with the lowest version of every dependency that pyproject.toml allows, in an environment of their own.
# Where there is no Python 3.10: make oldest OLDEST_PYTHON=3.11
oldest: .venv-oldest/.installed
	.venv-oldest/bin/python -m pytest -n 2 --doctest-modules tests $(PACKAGES)

# The tests together with optional libraries, TorchRL, Ray with RLlib, and Optuna, in an environment of their own.
others: .venv-others/.installed
	.venv-others/bin/python -m pytest tests/others

.venv-oldest/.installed: $(INSTALLED)
	.venv/bin/uv venv --clear --python $(OLDEST_PYTHON) .venv-oldest
	.venv/bin/uv pip install --python .venv-oldest --resolution lowest-direct -e ".[dev]"
	touch $@

.venv-others/.installed: $(INSTALLED)
	.venv/bin/uv venv --clear --python .venv/bin/python .venv-others
	.venv/bin/uv pip install --python .venv-others -e ".[others,train,cluster,search]" hypothesis pytest
	touch $@

$(PAGE_TOOLS): explain/page/package-lock.json
	-cd explain/page && npm ci --silent

# Keeps .venv and what was trained.
clean:
	rm -rf build dist docs/_build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path "./.venv*" -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml
	python3 -m venv .venv
	$(PYTHON) -m pip install -e ".[dev]"
	touch $@
