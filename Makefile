# SPDX-License-Identifier: GPL-2.0
# The front: `make help` lists the verbs of every day, `make -C selftests help` the
# proofs.  All output is under build/.

include kmod/path.mk

MAKEFLAGS += --no-print-directory
# The verbs pass on what they mean to; kbuild takes some of these names for its
# own, and ARGS may hold anything.
MAKEOVERRIDES :=
unexport KERNELRELEASE KDIR O ARGS

build := $(CURDIR)/build
vm := selftests/vm

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man

KERNELS := 6.1 6.12
DEBUG_KERNELS := $(KERNELS:%=%-debug) 6.1-kcsan
# Of another architecture; everything for them is built apart.
cross_table := $(shell sed -n 's/^\(6[.]1[0-9]*-[a-z0-9-]*\)\t\([a-z0-9]*\)\t.*/\1:\2/p' $(vm)/arch.sh)
CROSS_KERNELS := $(foreach line,$(cross_table),$(firstword $(subst :, ,$(line))))
MATRIX := $(foreach k,$(KERNELS),$(k) $(k)-amd64 $(k)-rt) 7
ifneq ($(filter-out $(MATRIX) $(CROSS_KERNELS) $(DEBUG_KERNELS),$(KERNEL)),)
$(error KERNEL=$(KERNEL) is not a kernel of the test VM; there are: $(MATRIX) $(CROSS_KERNELS) $(DEBUG_KERNELS))
endif
# The matrix builds for each by itself.
cross_arch := $(if $(filter matrix,$(MAKECMDGOALS)),,$(foreach k,$(filter $(CROSS_KERNELS),$(KERNEL)),$(patsubst \
	$(k):%,%,$(filter $(k):%,$(cross_table)))))
cross_verbs := check check-packages clean demo selftests userlib vm-init vm-kmod-$(KERNEL) vm-run vm-shell
ifneq ($(cross_arch),)
ifneq ($(words $(KERNEL)),1)
$(error KERNEL=$(KERNEL): a kernel of another architecture is for one run alone)
endif
ifneq ($(filter-out $(cross_verbs),$(or $(MAKECMDGOALS),all)),)
$(error KERNEL=$(KERNEL) is of another architecture than this machine; with it there are: \
	make check, check-packages, demo, selftests, userlib, vm-run, vm-shell)
endif
build := $(build)/$(cross_arch)
export WINSOCK_BUILD := $(build)
endif
kernels := $(or $(KERNEL),$(KERNELS))
kernel := $(or $(firstword $(KERNEL)),$(firstword $(KERNELS)))

ifneq ($(filter check coverage matrix,$(MAKECMDGOALS))$(and $(cross_arch),$(filter selftests,$(MAKECMDGOALS))),)
all_suites := $(shell $(MAKE) -s -C selftests list)
suites := $(if $(T),$(foreach t,$(T),$(or $(filter $(t) $(t).sh,$(all_suites)),$(error \
	T=$(t) is not a suite; there are: $(all_suites)))),$(all_suites))
endif

without_digits = $(subst 0,,$(subst 1,,$(subst 2,,$(subst 3,,$(subst 4,,$(subst 5,,$(subst \
	6,,$(subst 7,,$(subst 8,,$(subst 9,,$(1)))))))))))
$(foreach v,JOBS MEMORY ROUNDS SECONDS SEED TIMEOUT,$(if $(call without_digits,$($(v))),$(error \
	$(v)=$($(v)) is not a whole number)))

ifneq ($(filter-out kvm tcg,$(ACCEL)),)
$(error ACCEL=$(ACCEL) is no way to run the machine; there are: kvm tcg)
endif
export ACCEL

ifneq ($(filter fuzz,$(MAKECMDGOALS)),)
$(foreach f,$(REPLAY),$(if $(wildcard $(f)),,$(error \
	REPLAY=$(f) is not there; past ones are in selftests/stress/fuzz/findings)))
endif

ifneq ($(filter check-packages,$(MAKECMDGOALS)),)
$(if $(filter-out $(KERNELS) $(CROSS_KERNELS),$(KERNEL)),$(error \
	KERNEL=$(KERNEL) is none that packages are checked with; there are: $(KERNELS) $(CROSS_KERNELS)))
endif

# What sudo make check has left would fail in many words.
ifneq ($(filter-out help uninstall,$(or $(MAKECMDGOALS),all)),)
$(if $(shell find $(build) $(if $(filter clean,$(MAKECMDGOALS)),,-maxdepth 2) \
	-type d ! -writable 2>/dev/null),$(error \
	a part of build/ belongs to another user; run: sudo make clean))
endif

ifeq ($(V),1)
Q :=
else
Q := @
endif
pass = $(if $(V),V=$(V))

# Groups of packages that a verb needs on its whole way, so that the first step
# names all that are missing.
debug_kernel = $(or $(filter $(DEBUG_KERNELS),$(KERNEL)),$(firstword $(DEBUG_KERNELS)))
source_of = $(foreach k,$(1),$(firstword $(subst -, ,$(k)))-source)
in_vm := build vm selftests
needs_all := build running selftests
needs_kmod := build running
needs_selftests := build selftests
$(foreach v,bench check check-packages check-programs check-vm coverage demo fuzz in-tree matrix \
	mutants vm-gdb vm-run vm-shell watch,$(eval needs_$v := $(in_vm)))
needs_check += $(call source_of,$(filter $(DEBUG_KERNELS),$(KERNEL)))
needs_check-debug := $(in_vm) $(call source_of,$(debug_kernel))
needs_check-host := build host
needs_check-packages += deb packages
needs_fuzz += $(call source_of,$(filter $(DEBUG_KERNELS),$(or $(KERNEL),$(debug_kernel))))
needs_in-tree += in-tree $(call source_of,$(firstword $(KERNELS)))
needs_vm-gdb += gdb $(call source_of,$(debug_kernel))
needs_watch += watch
needs_style := build headers style
needs_deb := build deb
export WINSOCK_NEEDS := $(sort $(foreach v,$(or $(MAKECMDGOALS),all),$(needs_$v)))

# One builds, others that were started in the same tree wait.
within := $(if $(cross_arch),$(vm)/fetch.sh within $(KERNEL))
alone = $(quiet) $(within) flock $(build)/.lock-$(1) $(MAKE) -C $(1) $(pass)
# Nothing to be done is nothing to be said; kbuild takes -s for more than that.
silent := $(if $(V),,-s)
# What vm-run prints is the program's output and nothing else.
quiet := $(if $(filter vm-run,$(MAKECMDGOALS)),>&2)

userlib = $(call alone,userlib) $(silent) O=$(build)/userlib
kmod = $(call alone,kmod) O=$(build)/kmod $(if $(W),W=$(W)) $(if $(C),C=$(C))
which = $(if $(KDIR),KDIR=$(abspath $(KDIR))) $(if $(KERNELRELEASE),KERNELRELEASE=$(KERNELRELEASE))
selftests = $(call alone,selftests) $(silent) OUTPUT=$(build)/selftests \
	KSELFTEST=$$($(vm)/fetch.sh source)/tools/testing/selftests

.PHONY: all help kmod userlib selftests deps
all: kmod userlib selftests

help:
	@sed -n 's/^##//p' Makefile

# What proves it, for whoever changes something: the lines that begin with a #%.
.PHONY: help-proofs
help-proofs:
	@echo 'Proofs (from the top directory; which one a change needs is in CONTRIBUTING)'
	@sed -n 's/^#%//p' Makefile

##Building
##  make              the module, the library and the selftests, into build/
##  make kmod         the module alone; KDIR=path or KERNELRELEASE=name says for
##                    which kernel (default: the running one), W=1 C=1 as in kbuild
##  make userlib      the library alone
##  make selftests    the selftests alone
##  make clean        remove build/
##  make deps         install the Debian packages that all targets need (root)
##  V=1               show the commands
kmod: | $(build)
	$(Q)$(vm)/deps.sh need build $(if $(KDIR)$(KERNELRELEASE),,running)
	$(Q)$(kmod) $(which)

userlib: | $(build)
	$(Q)$(vm)/deps.sh need build
	$(Q)$(userlib)

selftests: userlib | $(build)
	$(Q)$(vm)/deps.sh need selftests
	$(Q)$(selftests) all $(if $(T),,$(if $(cross_arch),,bench) demo fuzz) $(if $(suites),SUITES="$(suites)")

$(build):
	@mkdir -p $@

deps:
	$(Q)$(vm)/deps.sh install

##
##Trying (in a virtual machine; no root, nothing on this machine changes)
##  make demo         closesocket() beside close(), in every row of the table
##    FILES=path/to/file ARGS=file       send this file
##  make check        all suites on all kernels
##    T=NAME            only this suite         KERNEL=6.1|6.12   only this kernel
##    ARGS="..."        passed to the suite     TIMEOUT=SECONDS   longest time without output
##    ROUNDS=N          N times the rounds of the suite storm    SEED=N   its seed
##    KERNEL=6.1-amd64|6.1-rt|6.12-amd64|6.12-rt|7   the generic and real-time
##                      kernels, and the newest one in Debian
##    KERNEL=6.1-arm64|6.12-arm64-16k|6.1-s390x|6.1-armhf   other architectures,
##                      with suites and library built into build/arm64/ and so on;
##                      also for demo, vm-run, vm-shell and check-packages
#%  make matrix       all suites on every kernel, one after another, and a table;
#%                    T= KERNEL= ARGS= TIMEOUT= ROUNDS= SEED= as above
#%    PART=2/6          the second of six shares of all pairs of kernel and suite
#%  make in-tree      the module and its suites as part of a kernel's source, built
#%                    in and as a module, by the kernel's own kselftest; T= TIMEOUT=
#%  make check-debug  all suites on a kernel with KASAN, lockdep and kmemleak, built
#%                    on first use; KERNEL=6.12-debug is another one
#%    KERNEL=6.1-kcsan  with KCSAN instead: data races, and barriers that are missing
#%  make coverage     line coverage of module and library by the suites, for each file,
#%                    and every line that was not executed; T= KERNEL= as above
#%  make mutants      kept faults, one at a time, each with the test that finds it: those
#%                    in files that have changed since BASE=COMMIT (default: the
#%                    start of the branch)
#%    M=NAME,NAME       only these              PART=2/6    one of six shares
#%    JOBS=N            number of virtual machines (default: one for each processor)
#%  make bench        the cost of closing in instructions, compared with limits;
#%                    ARGS=short for fewer rows, ARGS=parallel for two processors
#%  make bench-plot   the figure of the last results, for CONTRIBUTING
#%  make decide-plot  the figure of the decision, from kmod/decide.dot
#%  make fuzz         sequences of calls against a model of what they should do, on
#%                    the debug kernel; prints the smallest ones that differ
#%    SECONDS=60 SEED=N REPLAY=file      run the sequence in the file instead
##  make check-host   checks of the library that do not need the module: compilers,
##                    error codes, exported names, memory
#%  make check-programs   Debian's python3, socat, curl, nginx, redis, iperf3, openjdk, node
#%                    and chronyd, with and without winsock-run; KERNEL= TIMEOUT= as above
#%    ARGS="[count] [NAME...]"           count their instructions; only these
#%  make check-vm     test that the virtual machine reports every kind of failure
#%  make check-packages    the packages: built, installed, used, upgraded and removed
#%                    in a Debian 12 chroot, and in one that a virtual machine boots;
#%                    KERNEL=6.12; needs root, for debootstrap
#%    KERNEL=6.1-arm64|6.1-s390x|6.1-armhf   what needs no machine: the library's
#%                      symbols, and the module as dkms builds it
##  make -C selftests help    the other proofs for a change
##  ACCEL=kvm         use KVM for any of these, if the kernel boots with it; by default
##                    the machine is emulated
##  make vm-shell     a prompt in the virtual machine, with the module loaded
##  make vm-run PROG=path/to/binary    run your program in the virtual machine
##    ARGS="..."        its arguments, quoted as for a shell
##    FILES="..."       files and directories to copy to its working directory
##    KERNEL= TIMEOUT=  as above              MEMORY=MIB
#%  make vm-gdb PROG=path/to/binary    the same on a debug kernel with gdb attached
#%                    to kernel and module, stopped at the start of the program
#%    GDB="..."         arguments for gdb, such as -ex "break decide"
.PHONY: bench bench-plot coverage decide-plot demo fuzz check-host check check-debug check-vm in-tree matrix mutants vm-gdb vm-shell vm-run vm-deps vm-init
vm-deps:
	$(Q)$(vm)/deps.sh need build vm

vm-init: vm-deps | $(build)
	$(Q)$(vm)/deps.sh need selftests
	$(Q)$(selftests) vm

# The machine's module is built for the kernel that it boots.
vm-kmod-%: within = $(vm)/fetch.sh within $*
vm-kmod-%: vm-deps | $(build)
	$(Q)headers=$$($(vm)/fetch.sh headers $*) && $(kmod) KDIR=$$headers

vm_kernel := vm-init vm-kmod-$(kernel) userlib

check: vm-init $(kernels:%=vm-kmod-%) userlib selftests
	$(Q)$(pass) TIMEOUT=$(TIMEOUT) $(vm)/check.sh "$(kernels)" "$(suites)" $(ARGS)

matrix: vm-init userlib selftests
	$(Q)$(pass) PART="$(PART)" TIMEOUT=$(TIMEOUT) $(vm)/matrix.sh "$(or $(KERNEL),$(MATRIX) $(CROSS_KERNELS))" "$(suites)" $(ARGS)

in-tree: vm-init
	$(Q)TIMEOUT=$(TIMEOUT) $(vm)/in-tree.sh check "$(T)"

# The thread sanitizer looks at the library alone, whatever the kernel.
debug_suites = $(filter-out %_tsan,$(shell $(MAKE) -s -C selftests list))
check-debug:
	$(Q)$(MAKE) check KERNEL=$(debug_kernel) \
		T="$(or $(T),$(debug_suites))" ARGS='$(ARGS)' TIMEOUT=$(TIMEOUT) $(pass)

coverage: vm-init userlib selftests
	$(Q)$(pass) TIMEOUT=$(TIMEOUT) selftests/coverage/coverage.sh "$(KERNEL)" "$(if $(T),$(suites))"

mutants: vm-init userlib selftests
	$(Q)JOBS="$(JOBS)" BASE="$(BASE)" selftests/mutants/mutants.sh "$(M)" "$(PART)"

check-vm: $(vm_kernel)
	$(Q)$(vm)/selftest.sh $(kernel)

check-packages: $(if $(cross_arch),vm-deps userlib,$(vm_kernel))
	$(Q)$(vm)/deps.sh need deb packages
	$(Q)flock $(build)/.lock-packages \
		selftests/programs/packages/$(if $(cross_arch),cross,check).sh $(kernel)

vm-shell: $(vm_kernel) selftests
	$(Q)$(vm)/run.sh $(kernel) shell

.PHONY: vm-prog
vm-prog:
	$(Q)[ -n "$(PROG)" ] || { echo 'PROG= is missing: make vm-run PROG=path/to/binary [ARGS="..."] [FILES="..."]' >&2; exit 2; }
	$(Q)[ -e "$(PROG)" ] || command -v "$(PROG)" >/dev/null || { echo "PROG=$(PROG) is not there; build it on this machine first" >&2; exit 2; }

vm-run: vm-prog $(vm_kernel)
	$(Q)FILES="$(FILES)" $(vm)/run.sh $(kernel) -- $(PROG) $(ARGS)

vm-gdb: vm-prog vm-init userlib
	$(Q)$(vm)/deps.sh need gdb
	$(Q)FILES="$(FILES)" GDB='$(GDB)' $(vm)/gdb.sh \
		$(debug_kernel) $(PROG) $(ARGS)

ifneq ($(KERNEL),)
fuzz_files := $(or $(REPLAY),$(wildcard selftests/stress/fuzz/corpus/* selftests/stress/fuzz/findings/*))
fuzz: $(vm_kernel)
	$(Q)$(selftests) fuzz
	$(Q)FILES="$(fuzz_files)" TIMEOUT=$$(($(or $(SECONDS),60) + 1800)) \
		$(vm)/run.sh $(kernel) -- $(build)/selftests/fuzz/fuzz \
		$(if $(REPLAY),replay,$(or $(SECONDS),60) $(or $(SEED),$$(date +%s))) \
		$(notdir $(fuzz_files))
else
fuzz:
	$(Q)$(MAKE) fuzz KERNEL=$(firstword $(DEBUG_KERNELS)) REPLAY="$(REPLAY)" \
		SECONDS=$(SECONDS) SEED=$(SEED) $(pass)
endif

.PHONY: check-programs
check-programs: $(vm_kernel)
	$(Q)TIMEOUT=$(TIMEOUT) selftests/programs/debian/programs.sh $(kernel) $(ARGS)

check-host: userlib
	$(Q)$(vm)/deps.sh need host
	$(Q)$(userlib) check

bench: vm-init $(kernels:%=vm-kmod-%) userlib
	$(Q)$(selftests) bench
	$(Q)selftests/bench/bench.sh "$(kernels)" $(ARGS)

bench-plot:
	$(Q)$(vm)/deps.sh need plot
	$(Q)selftests/bench/plot.sh $(build)/bench.tsv selftests/bench/cost.svg

decide-plot: | $(build)
	$(Q)$(vm)/deps.sh need plot
	$(Q)dot -Tsvg kmod/decide.dot | \
		sed '1a <!-- SPDX-License-Identifier: GPL-2.0 -->' >$(build)/decide.svg
	$(Q)mv $(build)/decide.svg kmod/decide.svg

demo: $(vm_kernel)
	$(Q)$(selftests) demo
	$(Q)FILES="COPYING.GPL-2.0 $(FILES)" $(vm)/run.sh $(kernel) -- \
		$(build)/selftests/demo/demo $(or $(ARGS),COPYING.GPL-2.0)

##
##Developing
##  make style        checkpatch, W=1, sparse, shellcheck, mandoc: all clean
##  make watch T=NAME run this suite again whenever a file changes; KERNEL= ARGS=
##  make report       write build/report.txt, to be sent with a fault report
.PHONY: style watch report clean
style:
	$(Q)$(vm)/deps.sh need build headers style
	$(Q)$(vm)/style.sh

# Status 2: there is a new file.
watch:
	$(Q)[ -n "$(T)" ] || { echo 'T= is missing: make watch T=suite [KERNEL=6.1]' >&2; exit 2; }
	$(Q)$(vm)/deps.sh need watch
	$(Q)while git ls-files -co --exclude-standard | \
		entr -dn $(MAKE) check T="$(T)" KERNEL=$(kernel) ARGS='$(ARGS)'; \
		[ $$? = 2 ]; do :; done

report: | $(build)
	$(Q)selftests/vm/report.sh >$(build)/report.txt
	@echo "  REPORT  build/report.txt: read it, add what you did and what came of it"

clean:
	$(Q)rm -rf "$(build)"

##
##Installing
##  make sign KEY=key.pem CERT=certificate.der    sign the module, for Secure Boot
##  make install      library, headers, winsock-run, winsock-stat and man pages, and the
##                    module if it was built, with a rule for its device and an entry
##                    to load it;
##                    PREFIX=/usr/local LIBDIR= INCLUDEDIR= MANDIR= DESTDIR=
##                    INSTALL_MOD_PATH=, KERNELRELEASE= as for the module
##  make uninstall    remove them, and the module of every kernel; with KERNELRELEASE=
##                    only that of this kernel
##  make deb          the same as Debian packages, into build/deb/; dkms builds the
##                    module; VERSION=1.0.1 instead of the library's own
.PHONY: sign install uninstall
dirs = DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) LIBDIR=$(LIBDIR) INCLUDEDIR=$(INCLUDEDIR) MANDIR=$(MANDIR)
modules = INSTALL_MOD_PATH=$(or $(INSTALL_MOD_PATH),$(DESTDIR))
sign: | $(build)
	$(Q)$(vm)/deps.sh need build $(if $(KDIR),,headers)
	$(Q)$(kmod) $(which) sign CERT=$(abspath $(CERT)) \
		KEY="$(if $(filter pkcs11:%,$(KEY)),$(KEY),$(abspath $(KEY)))"

# Whatever can be refused is refused before anything is changed.
docdir = $(DESTDIR)$(PREFIX)/share/doc/winsock
module_was_built := $(wildcard $(build)/kmod/*/winsock.ko)
install: userlib
	$(Q)$(if $(module_was_built),$(kmod) $(which) check-install $(modules))
	$(Q)$(userlib) check-install $(dirs)
	$(Q)$(call can_be_written,$(DESTDIR)$(INCLUDEDIR)/linux $(docdir))
	$(Q)$(if $(module_was_built),$(kmod) $(which) install $(modules),echo \
		"  NOTE    the module was not built and is not installed; for that, first run: make" >&2)
	$(Q)$(userlib) install $(dirs)
	$(Q)install -D -m 644 -t $(DESTDIR)$(INCLUDEDIR)/linux uapi/linux/winsock.h
	$(Q)install -D -m 644 -t $(DESTDIR)$(MANDIR)/man4 kmod/winsock.4
	$(Q)install -D -m 644 -t $(docdir)/examples uapi/examples/*
	$(Q)install -D -m 644 -t $(docdir) uapi/winsock.rst

# What is installed counts, not what build/ still has; nor is anything made there.
uninstall:
	$(Q)$(call can_be_removed,$(wildcard $(DESTDIR)$(LIBDIR)/libwinsock.* \
		$(DESTDIR)$(INCLUDEDIR)/winsock/*.h $(DESTDIR)$(INCLUDEDIR)/linux/winsock.h \
		$(DESTDIR)$(PREFIX)/bin/winsock-run $(DESTDIR)$(MANDIR)/man?/*winsock.? $(docdir)/* \
		$(or $(INSTALL_MOD_PATH),$(DESTDIR))/lib/modules/$(or $(KERNELRELEASE),*)/extra/winsock.ko))
	$(Q)$(MAKE) -C userlib $(pass) $(silent) O=$(build)/userlib uninstall $(dirs)
	$(Q)rm -f "$(DESTDIR)$(INCLUDEDIR)/linux/winsock.h" "$(DESTDIR)$(MANDIR)/man4/winsock.4" \
		"$(docdir)/winsock.rst"
	$(Q)rm -f $(patsubst uapi/%,"$(docdir)/%",$(wildcard uapi/examples/*))
	$(Q)rmdir "$(docdir)/examples" "$(docdir)" "$(dir $(docdir))" "$(DESTDIR)$(MANDIR)/man4" \
		"$(DESTDIR)$(INCLUDEDIR)/linux" 2>/dev/null || :
	$(Q)$(MAKE) -C kmod $(pass) $(which) uninstall $(modules)

.PHONY: deb
deb: | $(build)
	$(Q)$(vm)/deps.sh need build deb
	$(Q)flock $(build)/.lock-deb .packages/build.sh $(build)/deb $(VERSION)
