# SPDX-License-Identifier: GPL-2.0
"""What the standard library calls a server: a thread for each connection."""
import socketserver


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(self.rfile.readline())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


Server(("127.0.0.1", 7001), Echo).serve_forever()
