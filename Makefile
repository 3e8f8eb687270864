# The two commands: `make demo` and `make test`. Everything else is a part of them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
LOCK := requirements-dev.lock

.PHONY: demo test check bench chaos screenshots setup setup-demo system lock catalogues

demo: setup-demo
	$(BIN)/python -P -m carewatch demo $(DEMO)

test: system setup check
	$(BIN)/python -P -m pytest -n 2 --dist loadgroup -m "not chaos" tests

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

bench: setup
	$(BIN)/python -P -m benchmarks

chaos: setup
	$(BIN)/python -P -m pytest -s -m chaos tests/acceptance/test_kills.py

# Pictures of every page, of a simulated town on a stack of its own; look at them before they are committed.
screenshots: system setup
	PYTHONPATH=tests $(BIN)/python -P -m screenshots docs/screenshots

setup: $(VENV)/dev.stamp

setup-demo: $(VENV)/run.stamp

$(VENV)/run.stamp: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/dev.stamp: $(LOCK) pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@ $(VENV)/run.stamp

# What the tests need from Debian: a browser, Chinese glyphs, and mosquitto as the second broker.
system:
	@command -v chromium >/dev/null && command -v mosquitto >/dev/null && command -v mosquitto_sub >/dev/null || \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk mosquitto mosquitto-clients >/dev/null; }

lock:
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml --group build -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml --group dev -o $(LOCK)

# The words of pages: gather what is to be translated, then compile what has been. A test holds both in step.
PAGES := api/locale/zh_CN/LC_MESSAGES/pages
catalogues: setup
	$(BIN)/pybabel -q extract -F pyproject.toml --no-default-keywords -k say -k noted --omit-header --no-location -o $(PAGES).pot api
	$(BIN)/pybabel -q update --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date -w 120 -l zh_CN -D pages -i $(PAGES).pot -o $(PAGES).po
	$(BIN)/pybabel -q compile -l zh_CN -D pages -i $(PAGES).po -o $(PAGES).mo
	rm $(PAGES).pot
