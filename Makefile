# Two commands do all their own set-up: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
CONSTRAINTS := constraints/airflow-3.3.txt
BIN_2 := .venv-2.11/bin
CONSTRAINTS_2 := constraints/airflow-2.11.txt
CONSTRAINTS_OLDER := constraints/airflow-3.1.txt
CONSTRAINTS_PEERS := constraints/benchmark-peers.txt

# Where this is set, each process would compile all of Airflow anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint types architecture pytest test-airflow-2 test-system test-live audit chaos bench docs pictures format tables lock clean

demo: .venv/demo  ## documents into a collection, then a question; DOCS= QUESTION= PATTERN= EXCLUDE= LIVE=1
	@$(BIN)/python scripts/demo.py

test: lint types architecture pytest  ## lint, types, architecture and tests

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/test
	$(BIN)/mypy

architecture: .venv/test
	$(BIN)/lint-imports

pytest: .venv/test
	$(BIN)/pytest --numprocesses=auto --dist=loadfile --cov --cov-report=
	$(BIN)/coverage report --include='*/api/*' --fail-under=100
	$(BIN)/coverage report --fail-under=95

# Left out is what Airflow has no say in, and what is tried for long and says the same on any Airflow.
test-airflow-2: .venv-2.11/test  ## the tests on Airflow 2.11, in an environment of their own
	$(BIN_2)/pytest --numprocesses=auto --dist=loadfile --ignore=tests/api --ignore=tests/contract --ignore=tests/emulator \
		--ignore=tests/client --ignore=tests/test_architecture.py --ignore=tests/system \
		--ignore=tests/benchmarks --ignore=tests/chaos --ignore=tests/live --ignore=tests/security \
		--ignore=tests/operators/test_open_points.py --ignore=tests/operators/test_sync_interrupted.py

test-system: .venv/system  ## on real Airflow processes, with a browser; see CONTRIBUTING.md for what it needs
	$(BIN)/pytest tests/system $(SYSTEM)

test-live: .venv/test  ## on the real service, for a few cents; needs XAI_MANAGEMENT_API_KEY and XAI_API_KEY
	$(BIN)/python -m tests.live $(if $(CLEAR),--clear)

# Not installed but run, so that no lock changes.
audit: .venv/uv  ## known vulnerabilities of what the constraints name; needs the network
	$(BIN)/python scripts/audit.py $(CONSTRAINTS) $(CONSTRAINTS_2) $(CONSTRAINTS_OLDER)

chaos: .venv/test  ## fault injection, some hundreds of syncs among it; writes benchmarks/CHAOS.md
	$(BIN)/python -m tests.chaos

bench: .venv/test .venv-peers/ready  ## time, requests, CPU and memory against their floors; writes benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks

docs: .venv/test  ## the site of the documentation, in .site/site; fails on links that lead nowhere
	@$(BIN)/python -m scripts.docs_site

pictures: .venv/test  ## what the commands show in a terminal, for docs/command-line.md
	$(BIN)/python -m scripts.pictures

format: .venv/test  ## let ruff fix and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

tables: .venv/demo  ## write what is generated of README.md and docs/
	$(BIN)/python -m scripts.generated

lock: .venv/uv  ## resolve the constraints anew
	$(call resolve,3.3.*,$(CONSTRAINTS),system --group docs,--upgrade)
	$(call resolve,2.11.*,$(CONSTRAINTS_2),test,--upgrade)
	$(call resolve,3.1.*,$(CONSTRAINTS_OLDER),,--upgrade)
	cp $(CONSTRAINTS) $(CONSTRAINTS_PEERS)
	$(call resolve,3.3.*,$(CONSTRAINTS_PEERS),peers,--upgrade-package grpcio --upgrade-package protobuf)

define resolve
	echo 'apache-airflow==$(1)' | $(BIN)/uv pip compile --quiet $(4) --universal --python-version 3.11 \
		--no-header --no-annotate --extra emulator $(if $(3),--group $(3)) pyproject.toml - --output-file $(2)
endef

clean:  ## forget the environment and the demo's Airflow and documents
	rm -rf .venv .venv-2.11 .venv-peers .demo .live .site .system

.venv/uv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with PYTHON=")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv
	@touch $@

.venv/demo: .venv/uv pyproject.toml $(CONSTRAINTS)
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --constraint $(CONSTRAINTS) --editable '.[emulator]'
	@touch $@

.venv/test: .venv/demo
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --constraint $(CONSTRAINTS) --group test --group docs
	@touch $@

.venv/system: .venv/test
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --constraint $(CONSTRAINTS) --group system
	@touch $@

# Airflow 2.11 runs on Python 3.12 at most.
.venv-2.11/test: .venv/uv pyproject.toml $(CONSTRAINTS_2)
	$(BIN)/uv venv --quiet --allow-existing --python '>=3.11,<3.13' .venv-2.11
	VIRTUAL_ENV=.venv-2.11 $(BIN)/uv pip install --quiet --constraint $(CONSTRAINTS_2) --editable '.[emulator]' --group test
	@touch $@

# Other providers, for `make bench` to compare with. They want some of our libraries older.
.venv-peers/ready: .venv/uv pyproject.toml $(CONSTRAINTS_PEERS)
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .venv-peers
	VIRTUAL_ENV=.venv-peers $(BIN)/uv pip install --quiet --constraint $(CONSTRAINTS_PEERS) --editable '.[emulator]' --group peers
	@touch $@
