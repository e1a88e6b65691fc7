# SPDX-License-Identifier: GPL-2.0
"""A thread blocked in a socket that another one closes: blocked.py accept | recv"""
import os
import socket
import sys
import threading
import time

listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
sock = listener if sys.argv[1] == "accept" else client
if sock is listener:
    listener.accept()


def call():
    try:
        listener.accept() if sock is listener else client.recv(1)
        print("it returned")
    except OSError as error:
        print("ended:", error.strerror)


thread = threading.Thread(target=call)
thread.start()
time.sleep(1)
sock.close()
thread.join(5)
if thread.is_alive():
    print("still blocked")
sys.stdout.flush()
os._exit(0)
