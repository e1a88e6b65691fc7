# SPDX-License-Identifier: GPL-2.0
"""Debian's programs in the test VM, first as they are, then by winsock-run.

Each row has a program do its work both ways and looks what came of it; where it is
given, the work is then counted: instructions of the program and its children, on a
machine whose clock counts them.  One row is one test.
"""
import os
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RUN = [os.path.join(HERE, "winsock-run")]
LIMIT = 2.0  # per cent
FORKING = 8.0  # where each connection is a process: fork(2) has more to copy
WAIT = 120

PAGE = os.path.join(HERE, "page")


def own(name):
    return os.path.join(HERE, name)


def closes():
    """How many the module has seen."""
    total = 0
    with open("/proc/net/winsock_stat", encoding="ascii") as stat:
        for line in stat:
            name, value = line.split()
            if name.startswith("WinsockClose"):
                total += int(value)
    return total


class Program:
    """A program that runs, and what it has cost when it has ended."""

    def __init__(self, argv, **how):
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, **how)
        self.cost = 0

    def end(self, sig=None):
        """Wait for its end, bounded; return its exit status."""
        if sig:
            self.process.send_signal(sig)
        deadline = time.monotonic() + WAIT
        while True:
            pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > deadline:
                self.process.kill()
                raise TimeoutError(" ".join(self.process.args))
            time.sleep(0.01)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        # A nanosecond is an instruction there.
        self.cost = (usage.ru_utime + usage.ru_stime) * 1e9
        return self.process.returncode


def output(argv):
    """What it prints, and what it cost."""
    program = Program(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = program.process.stdout.read().decode()
    program.end()
    return text.strip(), program.cost


def wait_for_port(port):
    deadline = time.monotonic() + WAIT
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def served(argv, port, sig, work):
    """What work() returns with a server running, and what the server cost."""
    server = Program(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        result = work()
    finally:
        server.end(sig)
    return result, server.cost


# The rows: what it came to, and what it cost or None.

def python_accept(run, amount):
    return output([*run, "python3", own("blocked.py"), "accept"])[0], None


def python_recv(run, amount):
    return output([*run, "python3", own("blocked.py"), "recv"])[0], None


def java_accept(run, amount):
    return output([*run, "java", "-Xshare:auto", own("Blocked.java"), "accept"])[0], None


def java_read(run, amount):
    return output([*run, "java", "-Xshare:auto", own("Blocked.java"), "read"])[0], None


def python_server(run, amount):
    def ask():
        good = 0
        for _ in range(amount):
            with socket.create_connection(("127.0.0.1", 7001)) as client:
                client.sendall(b"hello\n")
                good += client.makefile().read() == "hello\n"
        return f"{good} answers"

    return served([*run, "python3", own("server.py")], 7001, signal.SIGTERM, ask)


def fetch(run, amount):
    text, cost = output([*run, "curl", "-s", "-H", "Connection: close", "-o", "/dev/null",
                         "-w", "%{http_code} %{size_download}\\n",
                         f"http://127.0.0.1:8080/page?[1-{amount}]"])
    good = text.splitlines().count(f"200 {os.path.getsize(PAGE)}")
    return f"{good} pages", cost


def nginx(run):
    return [*run, "nginx", "-c", own("nginx.conf")]


def nginx_serves(run, amount):
    return served(nginx(run), 8080, signal.SIGQUIT, lambda: fetch([], amount)[0])


def curl_fetches(run, amount):
    return served(nginx([]), 8080, signal.SIGQUIT, lambda: fetch(run, amount))[0]


def benchmark(run, amount):
    """A connection for each request."""
    text, cost = output([*run, "redis-benchmark", "-p", "7002", "-q", "-k", "0", "-c", "4",
                         "-n", str(amount), "-t", "set"])
    return f"{amount if 'requests per second' in text else text} requests", cost


def redis(run):
    return [*run, "redis-server", "--port", "7002", "--save", "", "--logfile", "/dev/null"]


def redis_serves(run, amount):
    return served(redis(run), 7002, signal.SIGTERM, lambda: benchmark([], amount)[0])


def redis_asks(run, amount):
    return served(redis([]), 7002, signal.SIGTERM, lambda: benchmark(run, amount))[0]


def socat_echoes(run, amount):
    def ask():
        good = 0
        for _ in range(amount):
            with socket.create_connection(("127.0.0.1", 7003)) as client:
                client.sendall(b"hello\n")
                client.shutdown(socket.SHUT_WR)
                good += client.makefile().read() == "hello\n"
        return f"{good} answers"

    return served([*run, "socat", "TCP-LISTEN:7003,reuseaddr,fork", "PIPE"], 7003,
                  signal.SIGTERM, ask)


def lingers(run, mode):
    """The peer does not read, and then, after the deadline, it does."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        text, _ = output([*run, "python3", own("linger.py"),
                          str(listener.getsockname()[1]), mode])
        peer = listener.accept()[0]
    time.sleep(4)
    try:
        while peer.recv(65536):
            pass
        end = "end"
    except ConnectionResetError:
        end = "reset"
    peer.close()
    return f"{text}, then {end}", None


def python_lingers(run, amount):
    return lingers(run, "blocking")


def python_lingers_nonblocking(run, amount):
    return lingers(run, "nonblocking")


def iperf_port():
    return ["iperf3", "-p", "7005"]


def iperf_moves(run, amount):
    server = Program([*run, *iperf_port(), "-s", "-1"], stdout=subprocess.DEVNULL)
    time.sleep(5)
    text, _ = output([*iperf_port(), "-c", "127.0.0.1", "-n", f"{amount}M", "-f", "m"])
    server.end()
    done = "receiver" in text and "iperf Done" in text
    return f"{amount} MB" if done else text, server.cost


def node(run, *args):
    return [*run, "node", own("http.js"), *args]


def all_closed(before, amount, run):
    """Each connection was closed as it should be: by winsock-run or not."""
    seen = closes() - before
    return "" if (seen >= amount if run else not seen) else f", {seen} closes seen"


def node_serves(run, amount):
    """libuv closes by syscall(2)."""
    def ask():
        good = 0
        for _ in range(amount):
            with socket.create_connection(("127.0.0.1", 7006)) as client:
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                good += client.makefile().read().endswith("\nhello\n")
        return f"{good} answers"

    before = closes()
    text, cost = served(node(run, "serve", "7006"), 7006, signal.SIGTERM, ask)
    return text + all_closed(before, amount, run), cost


def node_asks(run, amount):
    before = closes()
    text, _ = served(node([], "serve", "7006"), 7006, signal.SIGTERM,
                     lambda: output(node(run, "ask", "7006", str(amount)))[0])
    return text + all_closed(before, amount, run), None


def chronyd(run, *config):
    """With its filter of system calls, which kills; the clock is left alone."""
    return [*run, "chronyd", "-u", "root", "-F", "1", *config, "cmdport 0",
            "pidfile /tmp/chronyd.%d" % time.monotonic_ns()]


def chronyd_measures(server_run, client_run):
    server = Program(chronyd(server_run, "-d", "-x", "local stratum 8", "allow 127.0.0.1",
                             "port 7007"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    text, _ = output(chronyd(client_run, "-Q", "-t", "60",
                             "server 127.0.0.1 port 7007 iburst maxsamples 1", "port 0"))
    status = server.end(signal.SIGTERM)
    return (f"measured, server's status {status}" if "System clock wrong by" in text
            else text), None


def chronyd_serves(run, amount):
    return chronyd_measures(run, [])


def chronyd_asks(run, amount):
    return chronyd_measures([], run)


# What has no TCP socket that could be closed.
UDP = (chronyd_serves, chronyd_asks)


def example():
    """The one that has no library: one close, which succeeds."""
    before = closes()
    text, _ = output(["python3", own("closesocket.py")])
    return text or f"{closes() - before} closed"


def event_loop():
    """One client reads, another does not: what the server prints of each."""
    server = Program(["python3", own("deadline_epoll.py"), "0", "1", "100000"],
                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        address = "127.0.0.1", int(server.process.stdout.readline().split()[-1])
        said = []
        with socket.socket() as lazy, socket.create_connection(address) as quick:
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            lazy.connect(address)
            while quick.recv(65536):
                pass
            for s in (quick, lazy):
                said.append(server.process.stdout.readline().decode().split(" after ")[0])
                said[-1] = said[-1].replace("%s:%d: " % s.getsockname(), "")
    finally:
        server.end(signal.SIGKILL)
    return ", ".join(said)


# Of the device's interface: (name, row, what it comes to)
EXAMPLES = [
    ("python3: example", example, "1 closed"),
    ("python3: example, epoll", event_loop, "delivered, reset at the deadline"),
]


# (name, row, how much work, is counted, what it comes to without and with)
ROWS = [
    ("python3: accept, closed", python_accept, 0, "still blocked", "ended: Operation canceled"),
    ("python3: recv, closed", python_recv, 0, "still blocked", "ended: Operation canceled"),
    ("python3: linger", python_lingers, 0, "waits, then end", "waits, then reset"),
    ("python3: nonblocking", python_lingers_nonblocking, 0, "waits, then end",
     "goes on, then reset"),
    ("python3: socketserver", python_server, 100, "100 answers", None),
    ("socat: echo", socat_echoes, 50, "50 answers", None),
    ("curl", curl_fetches, 200, "200 pages", None),
    ("nginx", nginx_serves, 200, "200 pages", None),
    ("redis-server", redis_serves, 1000, "1000 requests", None),
    ("redis-benchmark", redis_asks, 1000, "1000 requests", None),
    ("iperf3", iperf_moves, 20, "20 MB", None),
    ("node: server", node_serves, 50, "50 answers", None),
    ("node: client", node_asks, 50, "50 answers", None),
    ("chronyd: server", chronyd_serves, 0, "measured, server's status 0", None),
    ("chronyd: client", chronyd_asks, 0, "measured, server's status 0", None),
    ("openjdk: accept, closed", java_accept, 0, "ended: Socket closed", None),
    ("openjdk: read, closed", java_read, 0, "ended: Socket closed", None),
]


def both_ways(row, amount):
    """(what, closes seen) without and with."""
    ways = []
    for run in ([], RUN):
        before = closes()
        what, _ = row(run, amount)
        ways.append((what, closes() - before))
    return ways


def cost_of(row, run, amount):
    """Of the work alone: what starting and stopping costs is in both."""
    return row(run, 2 * amount)[1] - row(run, amount)[1]


def compare(row, amount):
    """Instructions for one piece of the work, without and with."""
    plain, ours = ([cost_of(row, run, amount) for _ in range(2)] for run in ([], RUN))
    return min(plain) / amount, min(ours) / amount


def count_text(row, amount):
    plain, ours = compare(row, amount)
    slower = 100 * (ours - plain) / plain
    limit = FORKING if row is socat_echoes else LIMIT
    return f"{plain:12.0f} {ours:12.0f} {slower:+7.2f} %", slower <= limit


def main():
    count = "count" in sys.argv[1:]
    wanted = [word for word in sys.argv[1:] if word != "count"]
    for word in wanted:
        if word != "example" and not any(word in row[0] for row in ROWS):
            sys.exit(f"ARGS={word} is in the name of no row; there are: "
                     + ", ".join([row[0] for row in ROWS] + ["example"]))
    rows = [row for row in ROWS if not wanted or any(word in row[0] for word in wanted)]
    with open(PAGE, "wb") as page:
        page.write(b"x" * 2000)
    failed = 0
    print(f"{'program':26}{'by itself':26}{'by winsock-run':28}closes"
          + ("  instructions each: by itself, by winsock-run" if count else ""))
    for name, row, amount, plain, ours in rows:
        (was, untouched), (got, seen) = both_ways(row, amount)
        good = was == plain and got == (ours or plain)
        good = good and not untouched and bool(seen) == (row not in UDP)
        text = ""
        if count and amount:
            text, within = count_text(row, amount)
            good = good and within
        failed += not good
        print(f"{name:26}{was:26}{got:28}{seen:6d} {text}{'' if good else '  FAILED'}", flush=True)
    if not wanted or "example" in wanted:
        for name, row, right in EXAMPLES:
            text = row()
            rows.append(row)
            failed += text != right
            print(f"{name:26}{text}{'' if text == right else '  FAILED'}", flush=True)
    print(f"{len(rows) - failed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
