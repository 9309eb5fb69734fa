# Everything a developer or CI does, by name. The targets are thin; the work is in scripts and in cargo.
LAB := tests/lab/lab
# A lab of its own is named in every command that is told.
TELL := $(if $(LAB_ID),LAB_ID=$(LAB_ID) )

.PHONY: help setup build lab-up lab-down lab-selftest
help:            ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup:           ## install the Debian packages that are missing
	@tests/lab/setup

build:           ## the release binary
	cargo build --release

# -- install ------------------------------------------------------------------------------------------
.PHONY: install
DESTDIR :=
PREFIX  := /usr/local
LIB     := $(DESTDIR)$(PREFIX)/lib/warmblock
SHARE   := $(DESTDIR)$(PREFIX)/share
install: build   ## the binary, drivers, templates, udev rules, unit, man pages, schemas and completions; PREFIX, DESTDIR
	install -D -t $(DESTDIR)$(PREFIX)/bin target/release/warmblock
	set -e; for d in $(wildcard drivers/*/driver); do install -D $$d $(LIB)/$$d; done
	install -D -m 644 -t $(LIB)/tgt-templates tgt-templates/*
	sed -i 's#/usr/bin/warmblock#$(PREFIX)/bin/warmblock#' $(LIB)/tgt-templates/tgt.service.conf
	install -D -m 644 -t $(SHARE)/man/man1 docs/man/*.1
	install -D -m 644 -t $(SHARE)/man/man5 docs/man/*.5
	install -D -m 644 -t $(SHARE)/warmblock/schema docs/schema/*.json
	install -D -m 644 docs/completions/warmblock.bash $(SHARE)/bash-completion/completions/warmblock
	install -D -m 644 -t $(SHARE)/zsh/site-functions docs/completions/_warmblock
	install -D -m 644 -t $(SHARE)/fish/vendor_completions.d docs/completions/warmblock.fish
	install -d $(DESTDIR)/etc/udev/rules.d $(DESTDIR)/etc/warmblock/conf.d
	target/release/warmblock doctor --print-udev-rules >$(DESTDIR)/etc/udev/rules.d/58-warmblock.rules
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	target/release/warmblock doctor --print-recover-unit | sed 's#^ExecStart=[^ ]*#ExecStart=$(PREFIX)/bin/warmblock#' \
	  >$(DESTDIR)$(PREFIX)/lib/systemd/system/warmblock-recover.service
	[ -e $(DESTDIR)/etc/warmblock/warmblock.toml ] || \
	  target/release/warmblock --config /dev/null config show | sed 's/^\([a-z]\)/# \1/' >$(DESTDIR)/etc/warmblock/warmblock.toml

# -- test ---------------------------------------------------------------------------------------------
.PHONY: test
test:            ## everything: unit tests, the command line, Ceph, the lab tier; a summary at the end
	@tests/run

.PHONY: test-exhaustive
test-exhaustive: ## the same with every case for every driver and a crash at every step; takes hours
	@WARMBLOCK_EXHAUSTIVE=1 tests/run

# -- demo ---------------------------------------------------------------------------------------------
.PHONY: demo
demo: setup      ## the main job on a real Debian image, in numbers; KEEP=1 leaves the lab up
	@$(MAKE) --no-print-directory build
	@KEEP=$(KEEP) tests/demo

# -- bench --------------------------------------------------------------------------------------------
.PHONY: bench
bench: setup     ## what warmblock costs and gains, beside references from the same run
	@$(MAKE) --no-print-directory build
	@tests/bench/run

# -- fmt ----------------------------------------------------------------------------------------------
.PHONY: fmt fmt-check
fmt:             ## format the sources
	cargo fmt

fmt-check:
	cargo fmt --check

# -- lint ---------------------------------------------------------------------------------------------
SCRIPTS := tests/run .ci/run tests/demo tests/bench/run tests/tgt_lab.sh
.PHONY: lint
lint:            ## what CI insists on: no warnings, from clippy and shellcheck
	cargo clippy --all-targets -- -D warnings
	shellcheck -x -P SCRIPTDIR $(SCRIPTS) $(wildcard drivers/*/driver tests/stubs/*/*)

# -- docs ---------------------------------------------------------------------------------------------
.PHONY: docs
docs:            ## man pages, completions and schemas, made anew from the types
	cargo run --quiet -- docgen docs

# -- lab ----------------------------------------------------------------------------------------------
lab-up: setup    ## a real Ceph and one hypervisor host, hv1, with an SSD volume group and warmblock on it
	@$(MAKE) --no-print-directory build
	@$(LAB) up
	@$(LAB) host up hv1 --vg ssd --ssd 40G --ensure
	@$(LAB) host put hv1 target/release/warmblock
	@$(LAB) host ssh hv1 'mkdir -p /etc/warmblock/conf.d && printf "[slice]\nvg = \"ssd\"\n" >/etc/warmblock/conf.d/ssd.toml'
	@echo "Enter it:  $(TELL)$(LAB) host ssh hv1      An image to import:  $(TELL)$(LAB) image qcow2"
	@echo "All it can do:  $(LAB) --help      Away with it:  $(TELL)make lab-down"

lab-down:        ## and away again
	@$(LAB) down

lab-selftest:    ## show that the lab does what the tests rely on
	@tests/lab/selftest
