# Two commands do all their own set-up: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
CONSTRAINTS := constraints-airflow-3.3.txt

.PHONY: demo test lint types architecture pytest format tables lock clean

demo: .venv/demo  ## documents into a collection, on a real Airflow; DOCS=folder QUESTION="…" take your own
	@$(BIN)/python scripts/demo.py

test: lint types architecture pytest  ## everything CI checks

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/test
	$(BIN)/mypy

architecture: .venv/test
	$(BIN)/lint-imports

pytest: .venv/test
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report --include='*/api/*' --fail-under=100
	$(BIN)/coverage report --fail-under=95

format: .venv/test  ## let ruff fix and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

tables: .venv/demo  ## write the README's generated table
	$(BIN)/python scripts/readme_tables.py

lock: .venv/uv  ## resolve the constraints anew
	echo 'apache-airflow==3.3.*' | $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
		--no-header --no-annotate --extra emulator --group test pyproject.toml - --output-file $(CONSTRAINTS)

clean:  ## forget the environment and the demo's Airflow and documents
	rm -rf .venv .demo

.venv/uv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with PYTHON=")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv
	@touch $@

.venv/demo: .venv/uv pyproject.toml $(CONSTRAINTS)
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --constraint $(CONSTRAINTS) --editable '.[emulator]'
	@touch $@

.venv/test: .venv/demo
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --constraint $(CONSTRAINTS) --group test
	@touch $@
