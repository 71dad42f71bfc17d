# make serve   set everything up and serve a desktop; options go in ARGS: make serve ARGS='--display :1'
# make test    set everything up and run all checks and tests
# make test-foreign  move machines between this host's QEMU and others: the build for Windows under wine, a newer one
# make chaos-vm      kill and cut what takes part in moves, at random: make chaos-vm ARGS='--moves 200 --seed 1'
# make bench   set everything up and measure, beside the neighbours: make bench ARGS='--scenes echo,scroll --seconds 4'
# make bench-vm      what a machine's move costs: make bench-vm ARGS='--disk 1024 --part 0.25'
# make bench-crowd   what others on the same desktop cost who types: make bench-crowd ARGS='--rounds 9'
# make setup   prepare .venv only

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# What a private desktop is made of: an X server whose size can change, a small window manager, a terminal, and fonts
# for Latin, Greek, Cyrillic and (WenQuanYi, the smallest of its kind at 2 MB) Chinese, Japanese and Korean.
DESKTOP_PACKAGES := tigervnc-standalone-server openbox xterm fonts-dejavu-core fonts-wqy-microhei
# libatomic1 is needed by the Node that Playwright brings along.
TEST_PACKAGES := $(DESKTOP_PACKAGES) xvfb chromium libatomic1 x11-xserver-utils x11-xkb-utils xauth xclip xsel \
	nodejs npm firefox-esr webkit2gtk-driver x11vnc qemu-system-x86 qemu-utils nginx apache2-bin caddy
# Wine has no other use here, and takes 700 MB.
FOREIGN_PACKAGES := qemu-system-x86 qemu-utils seabios wine64 busybox-static cpio syslinux mtools
# The neighbours that Debian has; Xpra and Selkies are measured as well where they are installed.
BENCH_PACKAGES := xvfb chromium libatomic1 iproute2 fonts-dejavu-core fontconfig \
	tigervnc-standalone-server novnc websockify x11vnc

.PHONY: bench bench-vm bench-crowd screenshot serve test test-foreign chaos-vm lint setup
.PHONY: desktop-packages test-packages foreign-packages bench-packages

serve: setup desktop-packages
	@exec $(BIN)/voxy serve $(ARGS)

test: setup test-packages lint
	@said=$$(node --test tests/js/*.test.js 2>&1) || { echo "$$said"; exit 1; }
	@$(BIN)/pytest -q

test-foreign: setup foreign-packages
	@$(BIN)/pytest -q -rs tests/foreign $(ARGS)

chaos-vm: setup test-packages
	@$(BIN)/python -m tests.vm.chaos $(ARGS)

lint: setup tests/js/node_modules/.installed
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/mypy --no-error-summary --platform win32 --cache-dir .mypy_cache/windows voxy/vm
	@cd tests/js && ./node_modules/.bin/tsc

setup: $(BIN)/.installed

# Pinned: the lock has the exact version of everything, also of what our packages need in turn.
$(BIN)/.installed: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit("VoXY needs Python 3.11 or newer." if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || .ci/install-debian python3-venv
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[test,video,vm]'
	@touch $@

tests/js/node_modules/.installed: tests/js/package-lock.json
	@command -v npm >/dev/null || .ci/install-debian nodejs npm
	@cd tests/js && npm ci --silent --no-audit --no-fund
	@touch $@

bench: setup bench-packages $(BIN)/.bench-installed
	@$(BIN)/python -m tests.bench $(ARGS)

bench-vm: setup foreign-packages $(BIN)/.bench-installed
	@$(BIN)/python -m tests.bench.vm $(ARGS)

bench-crowd: setup test-packages
	@$(BIN)/python -m tests.bench.crowd $(ARGS)

$(BIN)/.bench-installed: $(BIN)/.installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[bench]'
	@touch $@

screenshot: setup test-packages
	@$(BIN)/python docs/screenshot.py

desktop-packages:
	@.ci/install-debian $(DESKTOP_PACKAGES)

test-packages:
	@.ci/install-debian $(TEST_PACKAGES)

foreign-packages:
	@.ci/install-debian $(FOREIGN_PACKAGES)

bench-packages:
	@.ci/install-debian $(BENCH_PACKAGES)
