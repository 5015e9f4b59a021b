"""A crowd at one listener: crowd.py WHERE HOW COUNT REQUEST.

WHERE is the path of a socket, or a port. Whoever is hung up on comes again. It prints a line when all
have come, or after a second of trying, and goes on until it is ended.

HOW     each of them
idle    says nothing
leave   goes again at once
trickle says a letter ten times a second
hold    asks once, and stays
deaf    asks once, and takes no answer
pipe    asks without end, and takes no answer
ask     asks again when it is answered
"""

import errno
import select
import socket
import sys
import time

AT_ONCE = 64
REQUESTS_AT_ONCE = 100
LISTEN = ("idle", "trickle", "hold", "ask")
ASK = ("hold", "deaf", "ask")


class Crowd:
    def __init__(self, where, how, count, request):
        self.where = ("127.0.0.1", int(where)) if where.isdigit() else where
        self.how = how
        self.count = count
        self.request = request
        self.poll = select.epoll()
        self.members = {}
        self.said = {}  # bytes, of REQUESTS_AT_ONCE
        self.spoke_at = 0

    def come(self):
        """One more. False when it found no place in the line."""
        raw = socket.socket(socket.AF_UNIX if isinstance(self.where, str) else socket.AF_INET)
        raw.setblocking(False)
        if self.how not in LISTEN and raw.family == socket.AF_INET:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        if raw.connect_ex(self.where) not in (0, errno.EINPROGRESS):
            raw.close()
            return False
        if self.how == "leave":
            raw.close()
            return True
        self.members[raw.fileno()] = raw
        self.said[raw.fileno()] = 0
        self.listen(raw, select.EPOLLOUT, self.poll.register)
        return True

    def listen(self, raw, also, how):
        how(raw, also | select.EPOLLRDHUP | (select.EPOLLIN if self.how in LISTEN else 0))

    def leave(self, raw):
        del self.members[raw.fileno()]
        raw.close()

    def speak(self, raw):
        if self.how == "pipe":
            many = self.request * REQUESTS_AT_ONCE
            said = self.said[raw.fileno()]
            self.said[raw.fileno()] = (said + raw.send(many[said:])) % len(many)
            return
        self.listen(raw, 0, self.poll.modify)
        if self.how in ASK:
            raw.send(self.request)

    def hear(self, raw):
        if not raw.recv(65536):
            self.leave(raw)
        elif self.how == "ask":
            raw.send(self.request)

    def act(self, raw, events):
        try:
            if events & select.EPOLLOUT:
                self.speak(raw)
            if events & select.EPOLLIN:
                self.hear(raw)
            elif events & (select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR):
                self.leave(raw)
        except BlockingIOError:
            pass
        except OSError:
            self.leave(raw)

    def trickle(self):
        if time.monotonic() - self.spoke_at < 0.1:
            return
        self.spoke_at = time.monotonic()
        for raw in list(self.members.values()):
            try:
                raw.send(b"X")
            except OSError:
                self.leave(raw)

    def turn(self):
        for _ in range(AT_ONCE):
            if len(self.members) >= self.count or not self.come():
                break
        for fd, events in self.poll.poll(0.01, 256):
            if fd in self.members:
                self.act(self.members[fd], events)
        if self.how == "trickle":
            self.trickle()


def main(where, how, count, request):
    crowd = Crowd(where, how, int(count), request.encode())
    until = time.monotonic() + 1
    while len(crowd.members) < crowd.count and time.monotonic() < until:
        crowd.turn()
    print(len(crowd.members), flush=True)
    while True:
        crowd.turn()


if __name__ == "__main__":
    main(*sys.argv[1:])
