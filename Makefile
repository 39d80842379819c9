# Inkproof: `make` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
DEV := $(VENV)/dev
SERVER := $(VENV)/server
LOCKS := requirements
# The pipeline's commands call `python`. This makes it the environment's.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# TensorFlow and MLflow start in half the time from compiled bytecode.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup coreml cluster cuda head worker demo repro pretrained finetune leaderboard bench test test-full test-cluster lint format docs plots ui app site server server-stop remote browser screenshots lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## create .venv with everything pinned by requirements/base.lock

$(READY): $(LOCKS)/base.lock $(LOCKS)/bootstrap.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "make: Inkproof needs Python 3.11, 3.12 or 3.13; name one with PYTHON=python3.12" >&2; exit 2; }
	@echo "Setting up $(VENV), once: about 600 MB to download, 3 GB on disk, then a minute or two to compile it."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCKS)/bootstrap.lock
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes $(LOCKS)/base.lock $(LOCKS)/bootstrap.lock
	@test -e .git || $(BIN)/dvc config --local core.no_scm true
	@$(filter)
	@touch $@
	@echo "Ready. Now: source $(BIN)/activate"

# Git sees the committed entries of optdigits in dvc.lock, not those of this machine (docs/internals.md).
filter := git config filter.optdigits.clean 'sh .dvc/committed_optdigits.sh' 2>/dev/null || true

# $(call add,NAME): install an extra into .venv from its lock.
add = VIRTUAL_ENV=$(CURDIR)/$(VENV) uv pip install --quiet --compile-bytecode --no-deps --require-hashes -r $(LOCKS)/$(1).lock

$(DEV): $(READY) $(LOCKS)/dev.lock
	@$(call add,dev)
	@touch $@

coreml: $(READY) ## add coremltools to .venv, so that src/export.py also writes Core ML
	@$(call add,coreml)

$(SERVER): $(READY) $(LOCKS)/server.lock
	@$(call add,server)
	@touch $@

remote: $(READY) ## add DVC's clients for remotes on S3 and by SSH
	@$(call add,remote)

cluster: $(READY) ## add what studies need on SLURM and Ray clusters
	@$(call add,cluster)

cuda: $(READY) ## add what TensorFlow needs on NVIDIA's GPUs
	@$(call add,cuda)

ADDRESS := 127.0.0.1
head: cluster ## start a Ray cluster here, for studies on several machines: make head ADDRESS=192.168.0.10
	@INKPROOF_CLONE=$(CURDIR) ray start --head --node-ip-address=$(ADDRESS) --port=6379 --include-dashboard=false --disable-usage-stats

worker: cluster ## let this machine work for a Ray cluster: make worker HEAD=192.168.0.10:6379
	@test -n "$(HEAD)" || { echo "make: name the cluster, such as make worker HEAD=192.168.0.10:6379" >&2; exit 2; }
	@INKPROOF_CLONE=$(CURDIR) ray start --address=$(HEAD) --disable-usage-stats

demo: $(READY) ## the whole pipeline on embedded digits, offline: train, evaluate, export, drawn digits, report
	@$(filter)
	@mkdir -p data/drawn/mine
	@python .dvc/repro.py "about 3 minutes on 2 cores of an AMD EPYC" report@optdigits
	@python src/report.py data=optdigits show=true

repro: $(READY) ## the whole pipeline, MNIST included
	@$(filter)
	@mkdir -p data/drawn/mine
	@python .dvc/repro.py "about 14 minutes on 2 cores of an AMD EPYC, and 30 MB or more to download"
	@python src/report.py data=mnist show=true

MODEL := data=mnist_plus_strokes model=vgg_bn
pretrained: $(READY) ## models/pretrained, the networks of predict.py: train the ink mask and the classifier, evaluate, copy
	@mkdir -p data/drawn/mine
	@python src/preprocess.py mask
	@dvc repro drawings@mnist corruptions@mnist
	@python src/download.py data=mnist_plus_strokes
	@python src/train.py $(MODEL) aug=elastic run.register=true run.out=models/mnist_plus_strokes/vgg_bn
	@python src/evaluate.py $(MODEL)
	@python src/export.py $(MODEL)
	@python src/evaluate.py drawn $(MODEL)
	@python src/evaluate.py numbers $(MODEL)
	@python src/report.py pretrained

finetune: $(READY) ## train models/pretrained further on the drawings of data/drawn/mine; the comparison is in reports/finetune
	@python src/train.py experiment=finetune_drawn run.out=models/finetune/vgg_bn
	@python src/evaluate.py finetuned

leaderboard: $(READY) ## the best configurations of all studies and runs, in experiments/leaderboard.md
	@python src/study.py leaderboard

bench: $(READY) ## time what users wait for, against named baselines, into reports/bench.md; an hour on an idle machine
	@python experiments/07-speed/bench.py

test: $(DEV) ## the fast tests
	@python -m pytest -m "not slow and not cluster" -n 2 --dist loadgroup

test-full: $(DEV) ## all tests; those on MNIST need INKPROOF_MIRROR or the network
	@python -m pytest -m "not cluster" -n 2 --dist loadgroup

test-cluster: $(DEV) $(SERVER) ## the tests that start real servers, half an hour
	@python -m pytest -m cluster

lint: $(DEV) ## ruff and mypy
	@ruff check . && ruff format --check . && mypy

format: $(DEV) ## let ruff format the code
	@ruff format . && ruff check --fix .

docs: $(READY) ## build the pages of docs/ as a site, in docs-site/
	@$(call add,docs)
	@NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet
	@echo "Look at it: python -m http.server -d docs-site"

plots: $(READY) ## learning curves and confusion matrices as a page that needs no network: dvc_plots/index.html
	@$(call add,plots)
	@mkdir -p .dvc/tmp
	@python -c 'import vl_convert; print("<!DOCTYPE html><meta charset=utf-8><title>DVC plots</title><script>" \
	  + vl_convert.javascript_bundle(vl_version="5.20") + "</script>{plot_divs}")' > .dvc/tmp/plots.html
	@dvc plots show --html-template .dvc/tmp/plots.html

PORT := 5000
ui: $(READY) ## compare runs in the MLflow UI, http://127.0.0.1:5000, or make ui PORT=5001
	@python -c 'import socket; socket.create_server(("127.0.0.1", $(PORT)))' 2>/dev/null || \
	  { echo "make: port $(PORT) is taken, perhaps by another make ui, or not allowed; choose another: make ui PORT=5001" >&2; exit 2; }
	@echo "MLflow: http://127.0.0.1:$(PORT)/#/experiments?workflowType=machine_learning (in some seconds; Ctrl-C stops it)"
	@MLFLOW_DISABLE_TELEMETRY=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false PYTHONWARNINGS=ignore:starlette.middleware.wsgi \
	  mlflow server --workers 1 --backend-store-uri sqlite:///mlflow.db --registry-store-uri sqlite:///mlflow.db \
	  --uvicorn-opts "--log-level warning" --host 127.0.0.1 --port $(PORT) & \
	  server=$$!; trap "kill $$server" INT TERM; wait $$server; wait $$server || true

app: $(READY) ## a page to draw digits on, http://127.0.0.1:8765
	@python src/app.py

site: $(READY) ## the same page in site/, for a static web host such as GitHub Pages
	@python src/app.py site

server: $(SERVER) ## MLflow for several machines, on PostgreSQL and S3, with users: http://127.0.0.1:5000
	@python src/server.py start

server-stop: $(READY) ## stop it; data and passwords stay in server/
	@python src/server.py stop

browser: $(DEV) ## add Playwright and axe for the tests of that page; install Chromium with your system's package manager
	@$(call add,browser)

screenshots: demo browser ## the pictures of docs/images: MLflow, the report, pages and a session, after the demo and a sweep of four; needs Chromium
	@python src/train.py -m data=optdigits model=dense,cnn optimizer.learning_rate=0.001,0.01
	@PYTHONPATH=src python docs/screenshots.py
	@PYTHONPATH=src python docs/pages_sheet.py
	@PYTHONPATH=src python docs/app_pictures.py

COMPILE := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --custom-compile-command "make lock"
lock: $(READY) ## resolve the dependencies of pyproject.toml and requirements/*.in again
	@$(COMPILE) pyproject.toml -o $(LOCKS)/base.lock
	@$(COMPILE) $(LOCKS)/bootstrap.in -o $(LOCKS)/bootstrap.lock
	@for extra in dev browser cluster coreml cuda docs plots; do $(COMPILE) -c $(LOCKS)/base.lock $(LOCKS)/$$extra.in -o $(LOCKS)/$$extra.lock || exit 1; done
	@$(COMPILE) -c $(LOCKS)/base.lock $(LOCKS)/server.in -o $(LOCKS)/server.lock
	@$(COMPILE) -c $(LOCKS)/base.lock -c $(LOCKS)/server.lock $(LOCKS)/remote.in -o $(LOCKS)/remote.lock

clean: ## remove what the pipeline made; the environment, your drawings and the DVC cache stay
	@rm -rf models/mnist models/optdigits models/mnist_plus_strokes models/finetune exports runs reports/optdigits reports/finetune reports/compare site docs-site dvc_plots mlflow.db mlflow.db.lock mlruns
	@rm -rf data/mnist data/optdigits data/mnist_plus_strokes data/finetune data/drawn/pens data/drawn/unipen data/drawn/paper data/drawn/usps data/drawn/semeion
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} + ; rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
