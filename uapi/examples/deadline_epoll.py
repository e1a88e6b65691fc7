# SPDX-License-Identifier: LGPL-2.1-or-later
"""deadline_epoll.py PORT SECONDS BYTES: a server in one thread that sends so many bytes to
each client and closes with a deadline.  What became of each connection is an event of the
device, and is printed.  No module but the standard library's.

A client that does not even let everything be sent is waited for; deadline_epoll.c has a
timer for that.
"""
import fcntl
import itertools
import os
import selectors
import socket
import struct
import sys

WINSOCK_IOC_CLOSE_DEADLINE = 0x40205783
WINSOCK_CLOSE_REPORT = 1
CLOSE_DEADLINE = struct.Struct("iIIIQQ")        # fd, flags, pending, pad, timeout, cookie
OUTCOME = struct.Struct("QQQII")                # cookie, nsec, unacked, result, pad
RESULTS = ("delivered", "reset at the deadline", "lost", "left to another descriptor",
           "not connected")

port, seconds, size = (int(arg) for arg in sys.argv[1:])
dev = os.open("/dev/winsock", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
selector = selectors.DefaultSelector()
cookies = itertools.count(1)
names = {}      # of the connections that are closed, by cookie


def close_with_deadline(s, name):
    """Return at once; the kernel delivers, or resets the connection at the deadline."""
    cookie = next(cookies)
    fcntl.ioctl(dev, WINSOCK_IOC_CLOSE_DEADLINE,
                CLOSE_DEADLINE.pack(s.fileno(), WINSOCK_CLOSE_REPORT, 0, 0,
                                    seconds * 1000000000, cookie))
    s.detach()      # had it failed, the socket would still be open
    names[cookie] = name


def client(s, name):
    """Run on each event until everything is sent."""
    left = size
    while left:
        try:
            left -= s.send(b"x" * left)
        except BlockingIOError:
            yield
        except OSError as error:
            print(f"{name}: {error.strerror}", flush=True)
            selector.unregister(s)
            s.close()
            return
    selector.unregister(s)
    close_with_deadline(s, name)


def accept(listener):
    s, addr = listener.accept()
    s.setblocking(False)
    events = client(s, "%s:%d" % addr)
    selector.register(s, selectors.EVENT_WRITE, lambda: next(events, None))


def read_outcomes():
    for cookie, nsec, unacked, result, _ in OUTCOME.iter_unpack(os.read(dev, 16 * OUTCOME.size)):
        print(f"{names.pop(cookie)}: {RESULTS[result]} after {nsec // 1000000} ms,"
              f" bytes not acknowledged: {unacked}", flush=True)


with socket.create_server(("", port)) as listener:
    print("listening on port", listener.getsockname()[1], flush=True)
    selector.register(listener, selectors.EVENT_READ, lambda: accept(listener))
    selector.register(dev, selectors.EVENT_READ, read_outcomes)
    while True:
        for key, _ in selector.select():
            key.data()
