# FORMLAB gateway. `make help` tells what can be made; MODE=release|debug|asan|tsan|cover.
MODE   ?= release
PREFIX ?= /usr/local
BUILD  := build/$(MODE)
ONLY   ?=
V      ?=

DEPS_BUILD := gcc libc6-dev pkg-config libmodbus-dev libpaho-mqtt-dev libsqlite3-dev libdeflate-dev \
              libmicrohttpd-dev python3 nodejs npm ca-certificates
DEPS_DEMO  := mosquitto mosquitto-clients python3 python3-paho-mqtt
DEPS_TEST  := libcmocka-dev python3-pymodbus python3-serial python3-serial-asyncio \
              python3-jsonschema mbpoll sqlite3 openssl chromium fonts-inter fonts-dejavu-core
DEPS_CHECK := clang clang-format clang-tidy cppcheck libclang-rt-14-dev

# Nothing below is meant to be changed to build the programs.
CC       := gcc
LIBS     := $(shell pkg-config --libs libmodbus sqlite3 libdeflate libmicrohttpd 2>/dev/null) -lpthread -lm
PAHO     := -lpaho-mqtt3cs
WARNINGS := -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wundef -Wvla -Wstrict-prototypes \
            -Wmissing-prototypes -Wcast-qual -Wwrite-strings -Wformat=2 -Wswitch-enum \
            -Wimplicit-fallthrough -Wdouble-promotion
HARDEN   := -fstack-protector-strong -fstack-clash-protection -fno-strict-overflow -fPIE
OPTIMISE_release := -O2 -g -D_FORTIFY_SOURCE=2
OPTIMISE_debug   := -O0 -g
# UBSan's own code trips gcc's -Wconversion; the other modes keep it.
OPTIMISE_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined \
                    -fno-omit-frame-pointer -Wno-conversion
OPTIMISE_tsan    := -O1 -g -fsanitize=thread
OPTIMISE_cover   := -O0 -g --coverage
CPPFLAGS := -D_GNU_SOURCE -I. -include tests/lint/banned.h
CFLAGS   := -std=c17 $(WARNINGS) $(HARDEN) $(OPTIMISE_$(MODE)) -MMD -MP
LDFLAGS  := $(filter -fsanitize=% --coverage,$(OPTIMISE_$(MODE))) -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed

objects   = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)))
GATEWAY   := $(call objects,config/*.c drivers/*.c gateway/*.c) $(BUILD)/build/web_assets.o
PAGE      := $(wildcard $(addprefix gateway/web/,*.py *.html *.css src/*.* src/*/*.js))
SIMULATOR := $(call objects,config/*.c simulator/*.c simulator/models/*.c)
UNITS     := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c tests/contract/test_*.c))
BENCHES   := $(patsubst %.c,$(BUILD)/%,$(filter-out tests/fuzz/fuzz_%,$(wildcard tests/bench/*.c tests/fuzz/*.c)))
FUZZERS   := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
C_FILES   := $(wildcard $(addsuffix /*.[ch],config drivers gateway simulator simulator/models tests/*))
PYTHON    := /usr/bin/python3
$(if $(OPTIMISE_$(MODE)),,$(error MODE=$(MODE) is unknown: release, debug, asan, tsan or cover))

.PHONY: all help deps deps-check demo unit units quick test screens check lint format fuzz torture soak \
        bench bench-quick install clean
.DEFAULT_GOAL := all

all: $(BUILD)/formlab-gateway $(BUILD)/formlab-simulator ## build both programs into build/<mode>/

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-22s %s\n", $$1, $$2}'

deps: ## install the Debian packages that are missing (sudo where not root)
	@tests/install_packages.sh $(DEPS_BUILD) $(DEPS_DEMO) $(DEPS_TEST)

deps-check:
	@tests/install_packages.sh $(DEPS_CHECK)
demo: deps ## broker, simulator and gateway, live; Ctrl-C ends them (SCENE=, LISTEN=, BROKER_PORT=, WEB_PORT=, PORT_OFFSET=)
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@$(PYTHON) tests/demo.py --build $(BUILD)

unit: $(UNITS) ## unit and contract tests only
	@$(PYTHON) tests/run.py --build $(BUILD) --kind unit $(if $(ONLY),--only '$(ONLY)')

test: deps ## all tests; ONLY=NAME runs one; ends with "N passed, N failed"
	@$(MAKE) --no-print-directory -j$$(nproc) all units
	@$(PYTHON) tests/run.py --build $(BUILD) $(if $(ONLY),--only '$(ONLY)')

units: $(UNITS) $(BENCHES) tests/web/node_modules/.package-lock.json
quick: all units
	@$(PYTHON) tests/run.py --build $(BUILD) --kind quick

screens: deps ## take the README's pictures of the page anew
	@$(MAKE) --no-print-directory -j$$(nproc) all units
	@FORMLAB_SCREENS=$(CURDIR)/gateway/web/screens $(PYTHON) tests/run.py --build $(BUILD) --kind system --only pictures

check: deps deps-check ## what a change needs: lint, tests, ASan+UBSan, TSan, fuzzers
	@tests/check.sh

lint: deps-check ## format, layers, clang-tidy, cppcheck
	@tests/lint/lint.sh

format: ## clang-format in place
	@clang-format -i $(C_FILES)

fuzz: all units $(FUZZERS) ## each fuzzer for FUZZ_S seconds (30), then FRAMES (10000000) frames at the simulator
	@BUILD=$(BUILD) FRAMES=$(FRAMES) tests/fuzz/run.sh $(FUZZERS)

soak: all ## an hour (SOAK_MINUTES=60) at 10,000 values/s, a fault every 30 s: memory flat, nothing lost
	@$(PYTHON) tests/soak.py --build $(BUILD)

torture: deps ## breaks things on purpose, about 20 minutes; ONLY=, SEED=, MINUTES=, KILLS=, FRESH=1
	@$(MAKE) --no-print-directory -j$$(nproc) all units
	@$(PYTHON) tests/torture/run.py --build $(BUILD) $(if $(ONLY),--only '$(ONLY)') $(if $(SEED),--seed $(SEED)) \
	    $(if $(FRESH),--fresh)

bench: deps ## every figure as a ratio to the bare libraries, in about 10 minutes; ONLY=PART
	@$(MAKE) --no-print-directory -j$$(nproc) all units
	@$(PYTHON) tests/bench/run.py --build $(BUILD) $(QUICK) $(if $(ONLY),--only '$(ONLY)')

bench-quick: ## the same with fewer rounds and loads, in 2 to 3 minutes
	@$(MAKE) --no-print-directory bench QUICK=--quick

install: all ## programs, configuration and units below DESTDIR/PREFIX
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin $(BUILD)/formlab-gateway $(BUILD)/formlab-simulator
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/formlab $(wildcard config/*.conf)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/formlab/maps config/maps/*.csv
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/formlab/scenes config/scenes/*.scene
	sed 's|\([=:]\)/usr/local|\1$(PREFIX)|' config/formlab-gateway.service | \
	    install -D -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/lib/systemd/system/formlab-gateway.service

clean: ## remove build/
	rm -rf build

$(BUILD)/formlab-gateway: $(GATEWAY)
$(BUILD)/formlab-simulator: $(SIMULATOR)
$(BUILD)/formlab-gateway $(BUILD)/formlab-simulator:
	$(if $(V),,@echo "  LD  $@";) $(CC) $(LDFLAGS) -o $@ $^ $(LIBS) $(PAHO)

# The tests link what they need from archives of everything but the two main() functions.
$(BUILD)/libgateway.a: $(filter-out %/main.o,$(GATEWAY))
$(BUILD)/libsimulator.a: $(filter-out %/main.o,$(SIMULATOR))
$(BUILD)/%.a:
	$(if $(V),,@echo "  AR  $@";) rm -f $@ && ar rcs $@ $^

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(BUILD)/libgateway.a $(BUILD)/libsimulator.a
	$(if $(V),,@echo "  LD  $@";) $(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS) $(PAHO)
$(BUILD)/tests/bench/bare_async: PAHO := -lpaho-mqtt3as

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC  $<";) $(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

build/web_assets.c: gateway/web/node_modules/.package-lock.json $(PAGE)
	$(if $(V),,@echo "  PY  $@";) $(PYTHON) gateway/web/embed.py $@

%/node_modules/.package-lock.json: %/package-lock.json
	$(if $(V),,@echo "  CI  $*";) cd $* && npm ci --loglevel=error >/dev/null && touch node_modules/.package-lock.json

# Of the gateway, what fuzz_salvage feeds.
FUZZED := http gzip journal% sql lock aside clock
build/fuzz/%: tests/fuzz/%.c $(C_FILES)
	@mkdir -p $(@D)
	$(if $(V),,@echo "  FZ  $@";) clang $(CPPFLAGS) -std=c17 -g -O1 -fsanitize=fuzzer,address,undefined -o $@ $< \
	    $(filter config/%.c drivers/%.c simulator/mbap.c $(FUZZED:%=gateway/%.c),$(C_FILES)) $(LIBS)

.PRECIOUS: $(BUILD)/%.o $(BUILD)/%.a
-include $(GATEWAY:.o=.d) $(SIMULATOR:.o=.d) $(UNITS:=.d) $(BENCHES:=.d)
