# Everything this project does, one word each. `make help` lists it.
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run stop restart reload status logs monit check test pictures coverage soak lint format locks train mlflow cluster cluster-stop bench clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

setup: $(VENV)/.ready node_modules/.ready gateway/console/static/vendor/plotly-basic.min.js ## install what serving needs into .venv and node_modules

$(VENV)/.ready: requirements.lock requirements-build.lock pyproject.toml scripts/setup.sh
	@scripts/setup.sh python $(PYTHON)

gateway/console/static/vendor/plotly-basic.min.js: gateway/console/vendored.json scripts/vendor_plotly.py node_modules/.ready
	@$(BIN)/python scripts/vendor_plotly.py && touch $@

node_modules/.ready: package-lock.json scripts/setup.sh | $(VENV)/.ready
	@scripts/setup.sh node

setup-dev: setup $(VENV)/.ready-dev ## install what tests and linting need as well

$(VENV)/.ready-dev: requirements-dev.lock $(VENV)/.ready node_modules/.ready
	@scripts/setup.sh dev

run: setup ## start the gateway under PM2, wait until every route is ready, print one curl per route
	@scripts/pm2.sh up

stop: ## stop the gateway and its PM2; requests in flight finish
	@scripts/pm2.sh down

restart: setup ## replace the gateway process; no request is lost
	@scripts/pm2.sh reload gateway

reload: setup ## read registry.yaml again (also happens by itself when the file changes)
	@scripts/pm2.sh trigger gateway reload

status: ## show what runs, and the state of every route
	@scripts/pm2.sh status

logs: ## follow the logs
	@scripts/pm2.sh logs

monit: ## watch live figures in the terminal (pm2 monit)
	@scripts/pm2.sh monit

check: setup ## verify registry.yaml without serving it
	@$(BIN)/gateway check

# Three on two cores: a third of the time of a test is spent on waiting for processes.
LANES ?= 3
# By file, xdist gives a process that replaces a crashed one the files that are done, and waits for ever: a crash ends the run.
PARALLEL := -n $(LANES) --dist loadfile --no-loadscope-reorder --max-worker-restart=0

test: setup-dev ## run the tests: three at a time, then those that need the machine for themselves
	@TESTS_CACHE=$$(mktemp -d) && export TESTS_CACHE && trap 'rm -rf "$$TESTS_CACHE"' EXIT && trap 'exit 130' INT TERM && \
	$(BIN)/python -m pytest -q $(PARALLEL) -m "not slow and not quiet" && \
	$(BIN)/python -m pytest -q -m "quiet and not slow" $$(grep -rlw --include='test_*.py' mark.quiet tests)

pictures: setup-dev ## make the pictures of docs/console.md anew
	@mkdir -p docs/pictures
	@DOCS_PICTURES=$(CURDIR)/docs/pictures $(BIN)/python -m pytest -q -m pictured tests/console

coverage: setup-dev ## run the tests and print which lines of gateway/ they reach, in every process (Python 3.12 or later)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 12))' \
		|| { echo "coverage: 3.11 measures at twice the time of the tests; fix: make clean, then make coverage PYTHON=python3.12"; exit 1; }
	@$(BIN)/coverage erase
	-@COVERAGE_CORE=sysmon COVERAGE_FILE=$(CURDIR)/.coverage $(BIN)/coverage run -m pytest -q $(PARALLEL) -m "not slow and not quiet"
	@$(BIN)/coverage combine -q && $(BIN)/coverage report

soak: setup-dev ## run the long tests as well
	@TORTURE_ROUNDS=50 $(BIN)/python -m pytest -q -m "slow or not slow"

lint: setup-dev ## ruff, mypy --strict, floors
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/test_floors.py

format: setup-dev ## format the code and sort imports
	@$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format .

# Training has a virtualenv of its own: MLflow demands gunicorn < 27.
TRAINING := .venv-train
MLFLOW_PORT ?= 5000

$(TRAINING)/.ready: requirements-train.lock scripts/setup.sh
	@scripts/setup.sh train $(PYTHON)

locks: setup-dev ## make the locks anew from pyproject.toml, with the hash of each file that may be installed
	@scripts/lock.sh

train: $(TRAINING)/.ready ## train the five models again, from the data in GATEWAY_DATA or ../shared/data; recorded in mlruns/ or GATEWAY_MLFLOW_URI
	@for name in sentiment diabetes loan earnings insurance; do \
		echo "training $$name"; $(TRAINING)/bin/python -m models.$$name.train || exit 1; done

mlflow: $(TRAINING)/.ready ## show what was trained, on http://127.0.0.1:5000 (MLFLOW_PORT); Ctrl+C ends it
	@$(TRAINING)/bin/python -m models.tracking $(MLFLOW_PORT)

# A cluster has a virtualenv of its own: no gateway imports Ray.
CLUSTER := .venv-ray

$(CLUSTER)/.ready: requirements-ray.lock scripts/setup.sh $(VENV)/.ready
	@scripts/setup.sh ray

# The head listens on it, the nodes on the 120 ports above it.
CLUSTER_PORT ?= 6379
# auto: a network namespace for each node where root may make them; or: namespaces, loopback.
CLUSTER_NETWORK ?= auto

cluster: setup $(CLUSTER)/.ready ## start three Ray nodes on this machine, serve the five models on them, print one curl per route
	@PYTHONPATH=scripts $(BIN)/python -m cluster.start --port $(CLUSTER_PORT) --network $(CLUSTER_NETWORK)

cluster-stop: ## end that gateway and its nodes, and delete what they wrote
	@[ ! -x $(BIN)/python ] || PYTHONPATH=scripts $(BIN)/python -m cluster.stop

bench: setup-dev ## measure; see scripts/bench/README.md
	@PYTHONPATH=scripts $(BIN)/python -m bench.run

clean: stop cluster-stop ## delete what was installed and all run-time state; mlruns/ is kept
	@rm -rf $(VENV) $(TRAINING) $(CLUSTER) node_modules .gateway gateway/console/static/vendor
