# SPDX-License-Identifier: Apache-2.0
# The words people expect; Meson does the building. `make help` lists them.

BUILD ?= build/release
PREFIX ?= $(HOME)/prusik
VENV := build/venv
PYTHON := $(VENV)/bin/python

all: build ## build everything

help: ## list these words
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 18

deps: ## install what building needs (Debian packages)
	@scripts/deps.sh build

deps-demo: # npm fetches the network
	@scripts/deps.sh demo

deps-check:
	@scripts/deps.sh check

deps-long:
	@scripts/deps.sh long

$(BUILD)/build.ninja: | deps
	meson setup $(BUILD) --buildtype=release -Doptimization=2 -Ddebug=true -Dtests=false \
	    --prefix=$(PREFIX) $(MESON_ARGS)

build: deps $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

# One environment for all Python the tests use, inside the build folder.
$(VENV)/check.stamp: tests/requirements.txt
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install -q --disable-pip-version-check -r tests/requirements.txt
	@touch $@

$(VENV)/long.stamp: tests/requirements-long.txt $(VENV)/check.stamp
	$(PYTHON) -m pip install -q --disable-pip-version-check -r tests/requirements-long.txt
	@touch $@

build-tests: deps-check build
	@meson configure $(BUILD) -Dtests=true
	@ninja -C $(BUILD) --quiet

check: build-tests $(VENV)/check.stamp ## build and run the tests
	@$(PYTHON) tests/run.py check --build $(BUILD)

check-long: deps-long build-tests $(VENV)/long.stamp ## sanitizers, soaks, fuzzing, big references
	@$(PYTHON) tests/run.py long --build $(BUILD)

demo: deps-demo build ## detect what is on a photo, from nothing (PHOTO=... for another)
	@BUILD=$(BUILD) scripts/demo.sh $(PHOTO)

build/venv-bench/stamp: bench/requirements.txt bench/venv.sh
	@bench/venv.sh build/venv-bench

bench: build build/venv-bench/stamp ## measure beside other engines (BENCH="--runs 20 --threads 1")
	@ninja -C $(BUILD) --quiet bench/opcheck
	@build/venv-bench/bin/python bench/bench.py --build $(BUILD) $(BENCH)

bench-pictures: build ## measure scaling and conversion beside libswscale and libyuv
	@ninja -C $(BUILD) --quiet bench/bench_pictures
	@$(BUILD)/bench/bench_pictures $(ROUNDS)

install: build ## install under PREFIX (default ~/prusik), beside any other toolkit
	@meson configure $(BUILD) --prefix=$(PREFIX)
	@meson install -C $(BUILD) --destdir "" >/dev/null && echo "installed under $(PREFIX)"

$(PYTHON):
	@python3 -m venv $(VENV)

wheels: build $(PYTHON) ## make build/wheels: prusik (acl, atc, prusik) and prusik-compat
	@$(PYTHON) scripts/make_wheel.py --build $(BUILD) --output build/wheels
	@$(PYTHON) -m pip wheel -q --disable-pip-version-check --no-deps -w build/wheels python/compat
	@ls build/wheels/*.whl

clean: ## remove the build folder
	rm -rf build

.PHONY: all help deps deps-demo deps-check deps-long build build-tests check check-long demo bench bench-pictures install wheels clean
