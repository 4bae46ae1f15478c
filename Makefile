# Everything a person runs. `make` alone lists it.
VENV   ?= .venv
PYTHON ?= python3
DATA   ?= data/speech_commands
MODEL  ?= models/words-12/stream.tflite
RUN    ?= runs/quickstart
TARGET ?= host
KWS     = $(VENV)/bin/kws
STAMP   = $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install train test data voices export bench bench-ops results report listen release sanitize fuzz \
  ops-aarch64 android-check lint clean

help: ## list the tasks
	@echo "kws: tiny keyword spotting with structured transforms"
	@echo
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 14
	@echo
	@echo "VENV=DIR puts the environment elsewhere (default .venv); $(VENV)/bin/kws --help has more."

install: $(STAMP) ## set up .venv with kws in it

$(STAMP): pyproject.toml CMakeLists.txt $(wildcard export/*/*.c export/*/*.h)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable ".[train,mic,score,serve,dev]"
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

export: $(STAMP) ## write a trained model (RUN) as custom, dense and stream.tflite
	$(KWS) export $(RUN) --lowering custom --force
	$(KWS) export $(RUN) --lowering dense --force
	$(KWS) export $(RUN) --streaming --force

bench: $(STAMP) ## measure RUN's .tflite files on TARGET: host, adb, ssh:HOST, cortex-a53
	$(KWS) bench model $(RUN) --target $(TARGET) --force \
	  --json $(RUN)/device-$(firstword $(subst :, ,$(TARGET))).json

bench-ops: $(STAMP) ## measure the op and the layers beside dense ones, into runs/bench
	mkdir -p runs/bench
	$(KWS) bench ops --json runs/bench/ops.json --quick --force
	$(KWS) bench layers --json runs/bench/layers.json --quick --force

results: $(STAMP) ## remake the accuracy and the paper's tables (DATA=DIR; some four hours of a processor)
	$(KWS) study docs/results/accuracy.toml --data $(DATA)
	$(KWS) study docs/results/paper.toml --data $(DATA)

report: $(STAMP) ## put the figures of all released models on one page, runs/report.html
	$(KWS) report $(sort $(dir $(wildcard models/*/results.json))) docs/results/score-*.json --out runs/report.html --force

listen: $(STAMP) ## spot keywords from the microphone (MODEL=FILE)
	$(KWS) listen $(MODEL)

release: $(STAMP) ## put a finished run's files where released models lie (RUN=runs/NAME)
	cp $(addprefix $(RUN)/,custom.tflite dense.tflite model.keras results.json confusion.png) \
	  $(wildcard $(RUN)/stream.tflite) models/$(notdir $(RUN))/

sanitize: ## run the C tests under AddressSanitizer and UBSan
	cmake -S . -B build/sanitize -DKWS_SANITIZE=ON
	cmake --build build/sanitize
	ctest --test-dir build/sanitize --output-on-failure

fuzz: ## feed the ops malformed models for ten minutes (needs clang)
	cmake -S . -B build/fuzz -DKWS_FUZZ=ON -DCMAKE_C_COMPILER=clang
	cmake --build build/fuzz --target fuzz_op
	$(PYTHON) tests/c/fuzz_seeds.py build/fuzz/corpus
	cd build/fuzz && ./fuzz_op -max_total_time=600 -max_len=400 corpus

ops-aarch64: ## cross-build the op library and its tests for ARM (needs gcc-aarch64-linux-gnu)
	cmake -S . -B build/aarch64 --toolchain export/toolchains/aarch64-linux-gnu.cmake
	cmake --build build/aarch64
	ctest --test-dir build/aarch64 --output-on-failure

android-check: $(STAMP) ## prove what can be of the Android app without an Android SDK
	$(VENV)/bin/python android_demo/check/check.py

lint: $(STAMP) ## check style and formatting
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

clean: ## remove what was built, but not runs and data
	rm -rf build dist .pytest_cache .ruff_cache .hypothesis
