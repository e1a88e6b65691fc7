# SPDX-License-Identifier: GPL-2.0
"""Closes with more queued than the peer takes: linger.py PORT blocking | nonblocking"""
import socket
import struct
import sys
import time

sock = socket.socket()
sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 200000)
sock.connect(("127.0.0.1", int(sys.argv[1])))
sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 2))
sock.sendall(bytes(150000))
sock.setblocking(sys.argv[2] == "blocking")
start = time.monotonic()
sock.close()
print("waits" if time.monotonic() - start > 1.9 else "goes on")
