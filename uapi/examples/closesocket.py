# SPDX-License-Identifier: LGPL-2.1-or-later
"""closesocket() from Python, without any module but the standard library's."""
import fcntl
import os
import socket
import struct

WINSOCK_IOC_CLOSESOCKET = 0x40105782
dev = os.open("/dev/winsock", os.O_RDWR | os.O_CLOEXEC)


def closesocket(s, seconds):
    """Wait for the peer; reset the connection after so many seconds."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                 struct.pack("ii", 1, seconds))
    how = bytearray(struct.pack("iIII", s.fileno(), 0, 0, 0))
    fcntl.ioctl(dev, WINSOCK_IOC_CLOSESOCKET, how)
    s.detach()      # if it failed, the socket is still open


with socket.create_server(("localhost", 0)) as listener:
    client = socket.create_connection(listener.getsockname())
    client.sendall(b"text")
    closesocket(client, 5)
