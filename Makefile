# make            environment, libraries (build/), extension
# make help       the rest

VENV := .venv
PYTHON ?= $(VENV)/bin/python
# A file's tests stay together: what they share is made once.
PYTEST = $(PYTHON) -m pytest -q -n auto --dist loadfile
BUILD ?= build/release
CC ?= cc
CFLAGS ?= -O3

# A compiler without OpenMP, as Apple's, makes an engine with one thread. OPENMP=: any compiler does.
ifeq ($(origin OPENMP),undefined)
OPENMP := $(shell printf '\043include <omp.h>\nint main(void) { return 0; }' | \
    $(CC) -fopenmp -xc - -o /dev/null 2> /dev/null && echo -fopenmp)
endif
DARWIN := $(filter Darwin,$(shell uname))
# Where the pragmas of OpenMP mean nothing, some parameters are there for nothing, too.
WARNINGS := -Wall -Wextra $(if $(OPENMP),,-Wno-unknown-pragmas -Wno-unused-parameter)
override CPPFLAGS += -D_POSIX_C_SOURCE=200809L -Idarknet/include -Idarknet/src
override CFLAGS += -std=c11 $(OPENMP) -fPIC -fvisibility=hidden -fno-math-errno -fno-trapping-math \
    $(WARNINGS) $(SANITIZE)
override LDFLAGS += $(SANITIZE)

SOURCES := $(sort $(shell find darknet/src -name '*.c'))
OBJECTS := $(SOURCES:darknet/src/%.c=$(BUILD)/obj/%.o)
C_TESTS := $(patsubst tests/c/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/c/*.c)))
EXTENSION := build/extension

ifeq ($(PYTHON),$(VENV)/bin/python)
READY := $(VENV)/ready
endif

.PHONY: all help env library docs test test-c test-all demo bench bench-peers lint lint-python lint-c sanitize tsan coverage fuzz cross \
    wheel wheel-aarch64 oldest portable debug clean FORCE
# Small networks: threads that spin while they wait take the processor from those that work.
test test-c test-all sanitize tsan coverage cross: export OMP_WAIT_POLICY = passive
.DELETE_ON_ERROR:
.SECONDARY:

all: $(EXTENSION) library

help:
	@sed -n 's/^#: //p' $(MAKEFILE_LIST)

env: $(VENV)/ready

# An editable install. opencv-python needs libGL; where that is missing, its headless twin takes its place.
$(VENV)/ready: pyproject.toml
	test -x $(PYTHON) || python3 -m venv $(VENV)
	$(PYTHON) -m pip install -q --disable-pip-version-check "setuptools>=64" wheel cffi
	PYLRM_BUILD=$(BUILD) $(PYTHON) -m pip install -q --disable-pip-version-check --no-build-isolation -e '.[dev]'
	$(PYTHON) -c 'import cv2' 2> /dev/null || { \
	    echo 'opencv-python cannot be imported here: taking opencv-python-headless'; \
	    $(PYTHON) -m pip uninstall -q -y opencv-python; \
	    $(PYTHON) -m pip install -q --disable-pip-version-check opencv-python-headless; }
	touch $@

$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CPPFLAGS) $(CFLAGS)' | cmp -s - $@ || \
	    { $(if $(OPENMP),,echo '$(CC) is used without OpenMP: the engine will have one thread';) \
    echo '$(CC) $(CPPFLAGS) $(CFLAGS)' > $@; }

$(BUILD)/obj/%.o: darknet/src/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo '$(CC) $<'
	@$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/libdarknet.a: $(OBJECTS)
	@rm -f $@
	@echo '$(AR) $@'
	@$(AR) rcs $@ $(OBJECTS)

$(BUILD)/libdarknet.so: $(OBJECTS)
	@echo '$(CC) -o $@'
	@$(CC) -shared $(CFLAGS) $(LDFLAGS) $^ -lm $(if $(DARWIN),,-Wl,-soname,libdarknet.so) -o $@

# For setup.py: what an extension around the archive is linked with. The engine's names stay its own.
$(BUILD)/link-flags: FORCE
	@mkdir -p $(@D)
	@echo '-lm $(OPENMP) $(LDFLAGS) $(if $(DARWIN),,-Wl,--exclude-libs,ALL)' > $@

#: make library    build/release/libdarknet.so and .a, for C programs (OPENMP=: with one thread)
library: $(BUILD)/libdarknet.so $(BUILD)/libdarknet.a

# Which build the extension in the tree was linked from: another one's calls for linking anew.
build/linked: FORCE
	@mkdir -p $(@D)
	@echo $(BUILD) | cmp -s - $@ || echo $(BUILD) > $@

$(EXTENSION): $(BUILD)/libdarknet.a build/linked darknet/include/darknet.h pylrm/binding/build.py setup.py | $(READY)
	PYLRM_BUILD=$(BUILD) $(PYTHON) -W ignore setup.py -q build_ext --force --inplace
	@touch $@

# The widest kernels are tested on any CPU: -Wno-psabi, as their vectors go through memory there.
$(BUILD)/tests/%.o: tests/c/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo '$(CC) $<'
	@$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-psabi -MMD -MP -c $< -o $@

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(BUILD)/libdarknet.a | $(BUILD)/libdarknet.so
	@$(CC) $(CFLAGS) $(LDFLAGS) $^ -lm -o $@

# The CUDA backend: a library of its own, which the engine loads when it is asked for.
CUDA_SOURCES := $(sort $(wildcard darknet/src/backends/cuda/*.cu))
CUDA_HEADERS := $(wildcard darknet/src/backends/cuda/*.h darknet/src/*.h darknet/include/*.h)

# Its kernels on the CPU, for tests: tests/cuda/shim stands in for CUDA.
EMULATED ?= build/emulated
EMULATED_FLAGS := -x c++ -std=c++17 -O2 -g -fPIC -fvisibility=hidden -ffp-contract=off -Wall -Wextra -Werror \
    -Itests/cuda/shim -Idarknet/include -Idarknet/src
$(EMULATED)/%.o: darknet/src/backends/cuda/%.cu $(CUDA_HEADERS) $(wildcard tests/cuda/shim/*.h)
	@mkdir -p $(@D)
	@echo '$(CXX) $<'
	@$(CXX) $(EMULATED_FLAGS) $(SANITIZE) -c $< -o $@

# With ASan, GCC takes swapcontext() for setjmp(), which loses registers; swapcontext() keeps them.
$(EMULATED)/shim.o: tests/cuda/shim/shim.cc $(wildcard tests/cuda/shim/*.h)
	@mkdir -p $(@D)
	@$(CXX) $(EMULATED_FLAGS) -Wno-clobbered $(SANITIZE) -c $< -o $@

$(EMULATED)/libdarknet_cuda.so: $(CUDA_SOURCES:darknet/src/backends/cuda/%.cu=$(EMULATED)/%.o) $(EMULATED)/shim.o
	@$(CXX) -shared $(SANITIZE) $^ -o $@

#: make GPU=1      the CUDA backend too: build/cuda/libdarknet_cuda.so, beside the extension (CUDNN=1: with cuDNN)
NVCC ?= nvcc
# Machine code of these, and PTX of the last for what comes after it.
GPU_TARGETS ?= 75 80 90
GPU_FLAGS := -std=c++17 -O3 -fmad=false --default-stream per-thread -Werror all-warnings \
    -Xcompiler -fPIC,-fvisibility=hidden,-Wall,-Wextra,-Werror -Idarknet/include -Idarknet/src \
    $(foreach sm,$(GPU_TARGETS),-gencode arch=compute_$(sm),code=sm_$(sm)) \
    $(foreach sm,$(lastword $(GPU_TARGETS)),-gencode arch=compute_$(sm),code=compute_$(sm))
CUDA_BUILD := build/cuda$(if $(CUDNN),-cudnn)
CUDA_OBJECTS := $(CUDA_SOURCES:darknet/src/backends/cuda/%.cu=$(CUDA_BUILD)/%.o)
FIND_CUDA = $(or $(wildcard $(PYTHON)),python3) release/find_cuda.py $(if $(CUDNN),--cudnn)
BESIDE := pylrm/binding/libdarknet_cuda.so

$(CUDA_BUILD)/%.o: darknet/src/backends/cuda/%.cu $(CUDA_HEADERS)
	@mkdir -p $(@D)
	@echo '$(NVCC) $<'
	@flags=$$($(FIND_CUDA) --compile) && $(NVCC) $(GPU_FLAGS) $(if $(CUDNN),-DDN_CUDNN) $$flags -c $< -o $@

$(CUDA_BUILD)/libdarknet_cuda.so: $(CUDA_OBJECTS)
	@echo '$(NVCC) -o $@'
	@flags=$$($(FIND_CUDA)) && $(NVCC) -shared -cudart static $(CUDA_OBJECTS) $$flags -o $@

$(BESIDE): $(CUDA_BUILD)/libdarknet_cuda.so
	cp $< $@
ifdef GPU
all: $(BESIDE)
endif

#: make cuda-check  compiles the CUDA backend for all targets, warnings as errors; no GPU is needed
CHECKED := $(CUDA_SOURCES:darknet/src/backends/cuda/%.cu=build/cuda-check/%.o)
.PHONY: cuda-check test-gpu bench-gpu
cuda-check:
	@if ! command -v $(NVCC) > /dev/null; then echo 'SKIPPED: the CUDA backend is not compiled (nvcc is not installed)'; \
	else $(MAKE) -s $(CHECKED); fi

# What needs cuBLAS or cuDNN is left out where their headers are not.
build/cuda-check/%.o: darknet/src/backends/cuda/%.cu $(CUDA_HEADERS)
	@mkdir -p $(@D); rm -f $@
	@case $* in products) want=--compile;; cudnn) want='--compile --cudnn';; *) want=;; esac; \
	if [ -n "$$want" ] && ! $(FIND_CUDA) $$want 2> /dev/null > $@.flags; then \
	    echo 'SKIPPED: $< (without those headers)'; exit; fi; \
	[ $* = cudnn ] && define=-DDN_CUDNN; \
	$(NVCC) $(GPU_FLAGS) $$define $$([ -z "$$want" ] || cat $@.flags) -c $< -o $@ && \
	echo '$<: no warnings for $(GPU_TARGETS:%=sm_%) and PTX'

#: make test-gpu   on a machine with a GPU, after make GPU=1: the backend against golden data and the CPU, in minutes
test-gpu: all
	$(PYTHON) tests/cuda/on_gpu.py

#: make bench-gpu  likewise: training beside PyTorch where that is installed, and what [lrm] takes of a step
bench-gpu: all
	$(PYTHON) benchmarks/gpu.py

#: make test-c     the C tests alone
test-c: $(C_TESTS)
	@for test in $(C_TESTS); do echo $$test; $(RUN) $$test || exit 1; done

#: make test       the quick tests, C and Python
test: all test-c
	$(PYTEST)

#: make test-all   all tests, with lint, sanitizers and valgrind where they are installed
test-all: all test-c lint sanitize
	$(PYTEST) -m ''
	@if command -v valgrind > /dev/null; then \
	    $(MAKE) test-c RUN='valgrind -q --error-exitcode=1 --leak-check=full --errors-for-leak-kinds=definite'; \
	else echo 'SKIPPED: valgrind is not installed'; fi

#: make demo       draw scenes, train with and without [lrm], show both
demo: all
	$(PYTHON) -m pylrm.cli.main demo

#: make docs       the docs as a site: build/site/index.html; warnings are errors
DOCS_READY := $(VENV)/docs
docs: all | $(DOCS_READY)
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build -q

$(DOCS_READY): pyproject.toml | $(READY)
	PYLRM_BUILD=$(BUILD) $(PYTHON) -m pip install -q --disable-pip-version-check --no-build-isolation -e '.[docs]'
	touch $@

#: make bench      our own speed, in about a minute
bench: all
	@for bench in benchmarks/*.py; do echo $$bench; $(PYTHON) $$bench || exit 1; done

#: make bench-peers  beside PyTorch, ONNX Runtime, OpenVINO and OpenCV: about an hour
#:                 (PEERS='yolov2-tiny.cfg --rounds 2': less)
PEERS_VENV := .venv-peers
# A build for the CPU is enough.
TORCH ?= torch
bench-peers: all $(PEERS_VENV)/ready
	@for what in training inference; do \
	    $(PYTHON) benchmarks/peers/compare.py $$what --python $(PEERS_VENV)/bin/python $(PEERS) || exit 1; done

$(PEERS_VENV)/ready:
	test -x $(PEERS_VENV)/bin/python || python3 -m venv $(PEERS_VENV)
	$(PEERS_VENV)/bin/python -m pip install -q --disable-pip-version-check \
	    $(TORCH) onnx onnxruntime openvino 'opencv-python-headless<5' numpy
	touch $@

#: make lint       ruff, mypy, the floors of imports, and the compilers' warnings as errors
lint: lint-python lint-c

lint-python: | $(READY)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy pylrm
	$(VENV)/bin/lint-imports

lint-c: | $(READY)
	@for cc in gcc clang; do \
	    if echo "#include <omp.h>" | $$cc -fopenmp -E - > /dev/null 2>&1; then \
	        $(MAKE) -s CC=$$cc CFLAGS='-O1 -Werror' BUILD=build/lint-$$cc objects || exit 1; \
	        echo "$$cc: no warnings"; \
	    else echo "SKIPPED: $$cc with OpenMP's header is not installed"; fi; \
	done

.PHONY: objects
objects: $(OBJECTS) $(C_TESTS:=.o)

#: make sanitize   under ASan and UBSan: the C tests and the engine's from Python; under TSan: two networks at once
SANITIZERS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
# The peak of arithmetic is no peak in such a build.
UNTIMED := --deselect tests/engine/test_timing.py::test_the_peak_is_above_what_a_network_does
SANITIZED := build/sanitize/python
SANITIZED_TESTS := tests/engine tests/layers tests/detector tests/cuda $(UNTIMED)
sanitize: tsan | $(READY)
	$(MAKE) BUILD=build/sanitize CFLAGS='-O1 -g' SANITIZE='$(SANITIZERS)' test-c
	$(MAKE) BUILD=build/sanitize CFLAGS='-O1 -g' SANITIZE='$(SANITIZERS)' $(SANITIZED)/built
	ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD="$$($(CC) -print-file-name=libasan.so)" PYTHONDONTWRITEBYTECODE=1 \
	    $(PYTEST) -o pythonpath=$(SANITIZED) -p no:cacheprovider $(SANITIZED_TESTS)

# Archer tells TSan what LLVM's OpenMP synchronises; without it, each barrier looks like a race.
ARCHER = $(firstword $(wildcard $(dir $(shell clang -print-file-name=libomp.so))libarcher.so /usr/lib/llvm-*/lib/libarcher.so))
tsan:
	@if ! echo '#include <omp.h>' | clang -fopenmp -fsanitize=thread -E - > /dev/null 2>&1 || [ -z '$(ARCHER)' ]; then \
	    echo 'SKIPPED: TSan needs clang and its OpenMP with Archer'; exit; fi; \
	$(MAKE) CC=clang BUILD=build/tsan CFLAGS='-O1 -g' SANITIZE=-fsanitize=thread build/tsan/tests/test_threads && \
	OMP_TOOL_LIBRARIES=$(ARCHER) TSAN_OPTIONS=ignore_noninstrumented_modules=1 build/tsan/tests/test_threads && \
	echo 'TSan: no race'

# The package once more, with the sanitized or counting engine in it.
%/python/built: $(BUILD)/libdarknet.a $(wildcard pylrm/*.py pylrm/*/*.py)
	PYLRM_BUILD=$(BUILD) $(PYTHON) -W ignore setup.py -q build \
	    --build-base $(@D)/work --build-lib $(@D)
	@touch $@

#: make coverage   which lines the quick tests reach: of pylrm, all tests; of darknet/src, the C tests and the engine's
COUNTING := --coverage -fprofile-update=atomic
COUNTED := build/coverage/python
COUNTED_TESTS := $(SANITIZED_TESTS) tests/test_golden.py tests/data/test_image_operations.py
COUNT := $(MAKE) BUILD=build/coverage CFLAGS='-O1 -g' SANITIZE='$(COUNTING)'
# Tests that limit the size of files would limit the counts' too.
NO_DISK := -k 'not disk'
coverage: all
	$(COUNT) $(COUNTED)/built
	find build/coverage -name '*.gcda' -delete
	$(COUNT) test-c
	$(PYTHON) -m pytest -q -o pythonpath=$(COUNTED) -p no:cacheprovider $(COUNTED_TESTS)
	$(PYTHON) -m pytest -q $(NO_DISK) --cov=pylrm --cov-report=term:skip-covered --cov-fail-under=92
	$(PYTHON) -m gcovr --root darknet/src build/coverage/obj --gcov-suspicious-hits-threshold 0 --fail-under-line 95

#: make fuzz       what strangers' files reach: libFuzzer for SECONDS=60 a target (clang), and the Python readers
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
# Without tracing of comparisons, which takes half of the time: the dictionary has the words of cfgs.
FUZZ_FLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-coverage=trace-cmp \
    -fno-sanitize-recover=all -fno-omit-frame-pointer
SECONDS ?= 60
fuzz: all
	@if ! echo 'int main(void) { return 0; }' | clang -fopenmp -fsanitize=fuzzer-no-link,address -xc - -o /dev/null \
	    2> /dev/null; then echo 'SKIPPED: clang with libFuzzer and OpenMP is not installed'; exit; fi; \
	$(MAKE) -s CC=clang BUILD=build/fuzz CFLAGS='-O1 -g' SANITIZE='$(FUZZ_FLAGS)' $(FUZZ:%=build/fuzz/fuzz_%) && \
	$(PYTHON) tests/fuzz/seeds.py build/fuzz/seeds && \
	for name in $(FUZZ); do tests/fuzz/run.sh $$name $(SECONDS) || exit 1; done
	FUZZ_EXAMPLES=$$((10 * $(SECONDS))) $(PYTHON) -m pytest -q tests/fuzz

build/fuzz/fuzz_%: tests/fuzz/fuzz_%.c build/fuzz/libdarknet.a tests/fuzz/fuzz.h
	@clang $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -fsanitize=fuzzer $< build/fuzz/libdarknet.a -lm -o $@

#: make cross      the C library and its tests for aarch64, run under qemu
CROSS := aarch64-linux-gnu
CROSS_BUILD := build/$(CROSS)
CROSS_KERNELS := $(CROSS_BUILD)/obj/backends/cpu/kernels_baseline.o
# A thousand rounds in an emulator would take minutes, and leaks are the same there.
CROSSED = $(filter-out %/test_rounds,$(patsubst $(BUILD)/%,$(CROSS_BUILD)/%,$(C_TESTS)))
cross:
	@if ! command -v $(CROSS)-gcc > /dev/null; then echo 'SKIPPED: $(CROSS)-gcc is not installed'; exit; fi; \
	run='RUN=qemu-aarch64-static -L /usr/$(CROSS)'; \
	command -v qemu-aarch64-static > /dev/null || { run=RUN=:; \
	    echo 'SKIPPED: C tests for aarch64 (qemu-aarch64-static is not installed)'; }; \
	$(MAKE) CC=$(CROSS)-gcc AR=$(CROSS)-ar BUILD=$(CROSS_BUILD) CFLAGS='-O2 -Werror' "$$run" C_TESTS='$(CROSSED)' test-c && \
	if $(CROSS)-objdump -d $(CROSS_KERNELS) | grep -q '\bfmla\b'; then echo 'aarch64: the kernels use fmla'; \
	else echo 'aarch64: the kernels do not use fmla'; exit 1; fi

#: make oldest     after make wheel: the tests with the oldest packages that pylrm may be used with, under the oldest Python
#:                 here (TESTS=tests/cli: those)
oldest: all
	tests/packaging/oldest.sh dist/*.whl $$(tests/packaging/pythons.sh | head -n 1) $(TESTS)

#: make portable   what can be shown here of other systems: the engine without OpenMP, tested; for macOS and Windows,
#:                 compiled and linked by zig (in .venv-zig)
ZIG := $(CURDIR)/.venv-zig/bin/python -m ziglang
ZIG_TARGETS := x86_64-macos aarch64-macos x86_64-windows-gnu
SINGLE := build/single/python
portable: .venv-zig/ready | $(READY)
	$(MAKE) BUILD=build/single OPENMP= CFLAGS='-O3 -Werror' test-c $(SINGLE)/built
	$(PYTHON) -m pytest -q -o pythonpath=$(SINGLE) -p no:cacheprovider $(SANITIZED_TESTS)
	@if command -v clang > /dev/null; then \
	    $(MAKE) -s CC=clang OPENMP= CFLAGS='-O1 -Werror' BUILD=build/lint-single objects && \
	    echo 'clang without OpenMP: no warnings'; \
	else echo 'SKIPPED: clang is not installed'; fi
	@for target in $(ZIG_TARGETS); do \
	    $(MAKE) -s CC="$(ZIG) cc -target $$target" AR='$(ZIG) ar' OPENMP= CFLAGS='-O1 -Werror' BUILD=build/zig/$$target \
	        build/zig/$$target/libdarknet.so build/zig/$$target/libdarknet.a || exit 1; \
	    echo "$$target: compiled and linked without a warning"; done

.venv-zig/ready:
	test -x .venv-zig/bin/python || python3 -m venv .venv-zig
	.venv-zig/bin/python -m pip install -q --disable-pip-version-check ziglang
	touch $@

#: make wheel      into dist/: the sdist and, made from it, a wheel that needs nothing but Python, tried under every Python
#:                 here (PYTHONS=python3.12: under that one)
LIBGOMP_TERMS ?= $(firstword $(wildcard /usr/share/doc/libgomp1/copyright /usr/share/licenses/libgomp/*RUNTIME*))
wheel: | $(READY)
	@test -n '$(LIBGOMP_TERMS)' || { echo "LIBGOMP_TERMS=FILE has to name the licence of this system's libgomp"; exit 1; }
	rm -rf build/wheel dist
	env -u MAKEFLAGS $(PYTHON) -m build -o build/wheel . > build/wheel.log 2>&1 || { tail -n 40 build/wheel.log; exit 1; }
	PATH="$(abspath $(VENV)/bin):$$PATH" $(PYTHON) -m auditwheel repair -w dist build/wheel/*.whl >> build/wheel.log 2>&1
	$(PYTHON) release/licences.py dist/*.whl $(LIBGOMP_TERMS)
	mv build/wheel/*.tar.gz dist
	tests/packaging/try.sh dist/*.whl $(or $(PYTHONS),$$(tests/packaging/pythons.sh))
	@ls dist

#: make wheel-aarch64  after make wheel: the wheel for Linux on aarch64 into dist/aarch64, cross-compiled from the sdist; its
#:                 binary is looked at, not run
# The headers of this machine's Python serve: both are 64-bit, little-endian Linux, and cffi keeps to the stable interface.
AARCH64 := build/wheel-aarch64
wheel-aarch64: | $(READY)
	@if ! command -v $(CROSS)-gcc > /dev/null; then echo 'SKIPPED: $(CROSS)-gcc is not installed'; exit; fi; \
	set -e; test -e dist/*.tar.gz || { echo 'make wheel first: the sdist is needed'; exit 1; }; \
	rm -rf $(AARCH64) dist/aarch64; mkdir -p $(AARCH64)/source; \
	tar xzf dist/*.tar.gz -C $(AARCH64)/source --strip-components 1; \
	env -u MAKEFLAGS CC=$(CROSS)-gcc AR=$(CROSS)-ar _PYTHON_HOST_PLATFORM=linux-aarch64 \
	    $(PYTHON) -m build --wheel --no-isolation -o $(AARCH64) $(AARCH64)/source > $(AARCH64)/log 2>&1 || \
	    { tail -n 40 $(AARCH64)/log; exit 1; }; \
	PATH="$(abspath $(VENV)/bin):$$PATH" LD_LIBRARY_PATH=/usr/$(CROSS)/lib \
	    $(PYTHON) -m auditwheel repair -w dist/aarch64 $(AARCH64)/*.whl >> $(AARCH64)/log 2>&1; \
	$(PYTHON) release/licences.py dist/aarch64/*.whl $(LIBGOMP_TERMS); \
	tests/packaging/look.sh dist/aarch64/*.whl AArch64; \
	ls dist/aarch64

#: make debug      the extension without optimisation, for a debugger; `make` brings the other back
debug: | $(READY)
	$(MAKE) BUILD=build/debug CFLAGS='-O0 -g3' $(EXTENSION)

#: make clean      all that was built; the environment stays
clean:
	rm -rf build pylrm/binding/*.so pylrm/_shipped *.egg-info

-include $(OBJECTS:.o=.d) $(C_TESTS:=.d)
