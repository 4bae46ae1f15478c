# Everything a person runs. `make` alone lists it.
VENV   ?= .venv
PYTHON ?= python3
DATA   ?= data/speech_commands
MODEL  ?= models/words-12/custom.tflite
KWS     = $(VENV)/bin/kws
STAMP   = $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install train test data voices export listen release sanitize lint clean

help: ## list the tasks
	@echo "kws: tiny keyword spotting with structured transforms"
	@echo
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12
	@echo
	@echo "VENV=DIR puts the environment elsewhere (default .venv); $(VENV)/bin/kws --help has more."

install: $(STAMP) ## set up .venv with kws in it

$(STAMP): pyproject.toml CMakeLists.txt $(wildcard export/*/*.c export/*/*.h)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable ".[train,mic,dev]"
	@touch $@

train: $(STAMP) ## train on the bundled clips, export, evaluate, show the result
	$(KWS) train models/quickstart

test: $(STAMP) ## run all tests
	$(VENV)/bin/pytest

data: $(STAMP) ## fetch Speech Commands v0.02 (2.4 GB; DATA=DIR)
	$(KWS) fetch data/speech_commands.toml --out $(DATA)

voices: $(STAMP) ## fetch Kokoro's voices for kws synthesize
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable ".[synthesis]"
	$(KWS) voices

export: $(STAMP) ## write the trained quickstart model as custom.tflite and dense.tflite
	$(KWS) export runs/quickstart --lowering custom --force
	$(KWS) export runs/quickstart --lowering dense --force

listen: $(STAMP) ## spot keywords from the microphone (MODEL=FILE)
	$(KWS) listen $(MODEL)

release: $(STAMP) ## put a finished run's files where released models lie (RUN=runs/NAME)
	cp $(addprefix $(RUN)/,custom.tflite dense.tflite model.keras results.json confusion.png) \
	  models/$(notdir $(RUN))/

sanitize: ## run the C tests under AddressSanitizer and UBSan
	cmake -S . -B build/sanitize -DKWS_SANITIZE=ON
	cmake --build build/sanitize
	ctest --test-dir build/sanitize --output-on-failure

lint: $(STAMP) ## check style and formatting
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

clean: ## remove what was built, but not runs and data
	rm -rf build dist .pytest_cache .ruff_cache .hypothesis
