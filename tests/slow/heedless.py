"""One address that goes on asking whatever it is answered, until nothing answers any more.

heedless.py HOST PORT SOURCE NEIGHBOUR: floods from SOURCE, and asks for the page from NEIGHBOUR
every five seconds. Succeeds when SOURCE was told by 403, was dropped 60 to 90 s after that, and
NEIGHBOUR was always served. With --once in place of NEIGHBOUR: SOURCE gets the page.
"""

import selectors
import socket
import sys
import time

CONNECTIONS = 64
PATIENCE_S = 2
TOLD_WITHIN_S = 60
DROPPED_WITHIN_S = (55, 95)

BODY = b'{"model":"scripted","messages":[{"role":"user","content":"count"}],"max_tokens":16}'


def page(host, port, source):
    """The status of the page from there; None: nothing answers."""
    try:
        with socket.create_connection((host, port), PATIENCE_S, (source, 0)) as stream:
            stream.settimeout(PATIENCE_S)
            stream.sendall(b"GET / HTTP/1.1\r\nHost: %s:%d\r\nConnection: close\r\n\r\n" % (host.encode(), port))
            return int(stream.recv(64)[9:12])
    except OSError:
        return None


class Flood:
    def __init__(self, host, port, source):
        self.to = (host, port)
        self.source = source
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: %s:%d\r\n" % (host.encode(), port)
        self.request = head + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
        self.selector = selectors.DefaultSelector()
        self.told_at = None
        self.answers = 0

    def ask(self, stream):
        try:
            stream.setblocking(True)
            stream.settimeout(PATIENCE_S)
            stream.sendall(self.request)
            stream.setblocking(False)
            self.selector.register(stream, selectors.EVENT_READ)
        except OSError:
            stream.close()

    def connect(self):
        try:
            self.ask(socket.create_connection(self.to, PATIENCE_S, (self.source, 0)))
            return True
        except OSError:
            return False

    def read(self, stream):
        self.selector.unregister(stream)
        try:
            answer = stream.recv(1 << 16)
        except OSError:
            answer = b""
        status = answer[9:12]
        if status == b"403" and self.told_at is None:
            self.told_at = time.monotonic()
        self.answers += answer != b""
        # Who is let in or waits takes a place and no refusals.
        if status in (b"", b"200"):
            stream.close()
        else:
            self.ask(stream)

    def round(self):
        """Some answers; False when nothing answers and nobody can connect."""
        while len(self.selector.get_map()) < CONNECTIONS:
            if not self.connect():
                return False
        events = self.selector.select(PATIENCE_S)
        if not events:
            for key in list(self.selector.get_map().values()):
                self.selector.unregister(key.fileobj)
                key.fileobj.close()
        for key, _ in events:
            self.read(key.fileobj)
        return True


def main():
    host, port, source, neighbour = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    if neighbour == "--once":
        status = page(host, port, source)
        print(f"after it was undone: {status}")
        return status != 200
    began = time.monotonic()
    flood = Flood(host, port, source)
    looked = began
    while flood.round():
        now = time.monotonic()
        if now - looked >= 5:
            looked = now
            if page(host, port, neighbour) != 200:
                print("its neighbour is not served")
                return 1
        if now - began > TOLD_WITHIN_S + DROPPED_WITHIN_S[1]:
            print(f"it is not dropped; told: {flood.told_at is not None}, answers: {flood.answers}")
            return 1
    dropped_after = time.monotonic() - (flood.told_at or began)
    print(f"told after {flood.told_at - began:.0f} s, dropped {dropped_after:.0f} s later, {flood.answers} answers")
    served = page(host, port, neighbour) == 200
    in_time = DROPPED_WITHIN_S[0] <= dropped_after <= DROPPED_WITHIN_S[1]
    return not (served and in_time)


sys.exit(main())
