# The front door: `make`, then `make test`. Everything real is in CMakeLists.txt and scripts/.
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
OP ?=
CLIENT ?=
export CMAKE_GENERATOR ?= $(if $(shell command -v ninja),Ninja,Unix Makefiles)
RELEASE = build/release

.PHONY: all build setup test quick one demo bench fuzz conformance exhaustive clients format install clean

all: build

$(RELEASE)/CMakeCache.txt:
	cmake --preset release

build: $(RELEASE)/CMakeCache.txt
	cmake --build $(RELEASE) -j $(JOBS)

setup:
	scripts/setup

test: # everything: several builds, sanitizers, aarch64, Python; sets the machine up first
	scripts/test

quick: build # less than 20 s once built
	scripts/test quick

one: build # make one OP=Clip: build it, run its tests and its benchmark
	scripts/one $(OP)

demo: setup
	$(MAKE) build
	scripts/demo

bench: setup
	$(MAKE) build
	scripts/bench

fuzz:
	scripts/fuzz

conformance: setup # the official ONNX node tests
	$(MAKE) build
	scripts/conformance

exhaustive: build # functions over every float
	scripts/exhaustive

clients: setup # programs written for ONNX Runtime, with sard's libonnxruntime.so.1: make clients CLIENT='c node'
	$(MAKE) build
	tests/clients/run $(CLIENT)

format:
	scripts/format

install: build
	cmake --install $(RELEASE) --prefix $(PREFIX)

clean:
	rm -rf build
