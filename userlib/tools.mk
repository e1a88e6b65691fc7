# SPDX-License-Identifier: LGPL-2.1-or-later
# winsock-run and winsock-stat: programs for the shell.

BINDIR		?= $(PREFIX)/bin

RUN		:= run filter_count inspect high_fd report reporter
PRELOAD		:= preload close descriptors filter filter_count known next high_fd observe own syscall
STAT		:= main counters trace
TOOLS		:= run/winsock-run stat/winsock-stat
TOOL_MAN	:= $(wildcard run/*.1 stat/*.1)
TOOL_OBJS	:= $(sort $(patsubst %,$(O)/run/%.o,$(RUN) $(PRELOAD))) $(STAT:%=$(O)/stat/%.o)

override TOOL_CFLAGS := -std=gnu11 -Wall -Wextra -fvisibility=hidden -D_GNU_SOURCE \
		   -I../uapi -DVERSION='"$(VERSION)"'

all: $(TOOLS:%=$(O)/%) $(O)/run/libwinsock-run.so

# Where it is installed is built in: another place, another program.
$(O)/run/where: FORCE
	@mkdir -p $(@D)
	@echo '$(LIBDIR)' | cmp -s - $@ || echo '$(LIBDIR)' >$@

$(O)/run/run.o: $(O)/run/where
$(O)/run/run.o: TOOL_CFLAGS += -DPRIVATE_LIBDIR='"$(LIBDIR)/winsock"'

$(TOOL_OBJS): $(O)/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	$(say) CC $*.o
	$(Q)$(CC) $(TOOL_CFLAGS) -fPIC $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(O)/run/winsock-run: $(RUN:%=$(O)/run/%.o)
	$(say) LD $(@F)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@

$(O)/run/libwinsock-run.so: $(PRELOAD:%=$(O)/run/%.o)
	$(say) LD $(@F)
	$(Q)$(CC) -shared -Wl,-z,defs -Wl,-z,now $(CFLAGS) $(LDFLAGS) $^ -o $@

$(O)/stat/winsock-stat: $(STAT:%=$(O)/stat/%.o)
	$(say) LD $(@F)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@

.PHONY: install-tools uninstall-tools clean-tools
install: install-tools
install-tools: check-install
	$(Q)install -D -m 755 -t $(DESTDIR)$(BINDIR) $(TOOLS:%=$(O)/%)
	$(Q)install -D -m 644 -t $(DESTDIR)$(LIBDIR)/winsock $(O)/run/libwinsock-run.so
	$(Q)install -D -m 644 -t $(DESTDIR)$(MANDIR)/man1 $(TOOL_MAN)

uninstall: uninstall-tools
uninstall-tools:
	$(Q)rm -f $(patsubst %,"$(DESTDIR)$(BINDIR)/%",$(notdir $(TOOLS))) \
		"$(DESTDIR)$(LIBDIR)/winsock/libwinsock-run.so" \
		$(patsubst %,"$(DESTDIR)$(MANDIR)/man1/%",$(notdir $(TOOL_MAN)))

clean: clean-tools
clean-tools:
	$(Q)rm -f $(patsubst %,"%",$(TOOL_OBJS) $(TOOL_OBJS:.o=.d)) \
		$(patsubst %,"$(O)/%",$(TOOLS) run/where run/libwinsock-run.so)
	$(Q)rmdir "$(O)/run" "$(O)/stat" 2>/dev/null || true

-include $(TOOL_OBJS:.o=.d)
