# make tutorial, make test: see `make help`. Everything that is missing is installed: system packages through apt-get (as
# root or with sudo), Python packages into .venv. A second run only does what has changed.
#
# The Python package is installed editable: importing it rebuilds what changed in the sources.

VENV := .venv
PYTHON := $(VENV)/bin/python
MESON := $(PYTHON) -m mesonbuild.mesonmain
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

VALGRIND := valgrind --quiet --error-exitcode=1 --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect
export ASAN_OPTIONS := detect_leaks=1:abort_on_error=0
export UBSAN_OPTIONS := print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS := halt_on_error=1:suppressions=$(CURDIR)/tests/support/threads.supp

.PHONY: help tutorial neural-ode bench accuracy test test-c test-sanitize test-threads test-valgrind test-python test-tutorial clean

help:
	@echo 'make tutorial       the whole tutorial on tayra: trains two models, writes pictures to out/'
	@echo 'make neural-ode     the same model trained by gradients in reverse mode, beside the variational way'
	@echo 'make bench          benchmarks beside heyoka, with a picture: docs/images/benchmarks.png'
	@echo 'make accuracy       errors of the vector functions, beside MPFR: the table of docs/accuracy.md'
	@echo 'make test           all tests: the six below'
	@echo 'make test-c         C tests, examples, checks of the sources'
	@echo 'make test-sanitize  C tests under the address and undefined-behaviour sanitizers'
	@echo 'make test-threads   C tests that use threads under the thread sanitizer'
	@echo 'make test-valgrind  C tests under valgrind'
	@echo 'make test-python    tests of the Python package'
	@echo 'make test-tutorial  the tutorial, with short training'
	@echo 'make clean          removes what was built (.venv stays)'

tutorial: $(VENV)/tutorial.stamp
	$(PYTHON) examples/python/torch_interface.py

neural-ode: $(VENV)/tutorial.stamp
	$(PYTHON) examples/python/neural_ode.py

bench: $(VENV)/tutorial.stamp
	$(PYTHON) -m pip install --quiet jax==0.10.2 diffrax==0.7.2 torchdiffeq==0.2.5 numexpr
	$(PYTHON) benchmarks/run.py --json out/benchmarks.json --plot docs/images/benchmarks.png

accuracy: build/c/build.ninja
	$(MESON) compile -C build/c test_vmath
	$(PYTHON) tools/measure_accuracy.py build/c/tests/test_vmath

test: test-c test-sanitize test-threads test-valgrind test-python test-tutorial

test-c: build/c/build.ninja
	$(MESON) test -C build/c --print-errorlogs

test-sanitize: build/sanitize/build.ninja
	$(MESON) test -C build/sanitize --print-errorlogs --suite c -t 5

test-threads: build/threads/build.ninja
	$(MESON) test -C build/threads --print-errorlogs --suite threads -t 5

test-valgrind: build/c/build.ninja
	TAYRA_EXEC=vm $(MESON) test -C build/c --print-errorlogs --suite valgrind -t 20 --logbase valgrind --wrapper '$(VALGRIND)'

test-python: $(VENV)/tutorial.stamp
	$(PYTHON) -m pytest
	TAYRA_EXEC=jit $(PYTHON) -m pytest tests/python/test_rolling.py tests/python/test_compiled.py

test-tutorial: $(VENV)/tutorial.stamp
	$(PYTHON) examples/python/torch_interface.py --quick

build/c/build.ninja: | $(VENV)/tools.stamp
	$(MESON) setup build/c

build/sanitize/build.ninja: | $(VENV)/tools.stamp
	$(MESON) setup build/sanitize --buildtype=debugoptimized -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false

build/threads/build.ninja: | $(VENV)/tools.stamp
	$(MESON) setup build/threads --buildtype=debugoptimized -Doptimization=1 -Db_sanitize=thread -Db_lundef=false

# The build tools, then the package with its test peers, then what the tutorial needs.
$(VENV)/system.stamp: tools/install_system_packages.sh
	tools/install_system_packages.sh
	mkdir -p $(VENV) && touch $@

$(VENV)/tools.stamp: pyproject.toml $(VENV)/system.stamp
	test -x $(PYTHON) || python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet 'meson-python>=0.18' 'meson>=1.3' ninja
	touch $@

$(VENV)/package.stamp: $(VENV)/tools.stamp
	$(PYTHON) -m pip install --quiet --no-build-isolation --config-settings=build-dir=build/python -e '.[test]'
	touch $@

$(VENV)/tutorial.stamp: $(VENV)/package.stamp
	$(PYTHON) -m pip install --quiet torch==2.13.0 matplotlib tqdm
	touch $@

clean:
	rm -rf build out $(VENV)/package.stamp
