"""mixportctl as people and scripts start it: with pipes, on a terminal, against something else."""

import fcntl
import os
import pty
import select
import socket
import struct
import subprocess
import termios
import threading
import time

from harness import BUILD, SANITIZER, slow

MIXPORTCTL = BUILD / "src" / "mixportctl"


class Done:
    """How it ended: exit status, standard output, standard error."""

    def __init__(self, code, out, err=""):
        self.code = code
        self.out = out
        self.err = err

    @property
    def lines(self):
        return self.out.splitlines()

    @property
    def rows(self):
        """A table without its head, each line split where two blanks or more stand."""
        return [[cell.strip() for cell in line.split("  ") if cell.strip()]
                for line in self.lines[1:]]

    def __repr__(self):
        return f"<{self.code}\n{self.out}---\n{self.err}>"


def environment(folder, **more):
    """Nothing of whoever runs the tests leads it to a daemon or to a token."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("MIXPORT_", "XDG_", "LC_", "LANG")) and name != "NO_COLOR"}
    kept.update(HOME=str(folder), TERM="xterm")
    kept.update({name: str(value) for name, value in more.items() if value is not None})
    return kept


def on_terminal(command, env, columns=80, answers=(), timeout=60):
    """Runs a program on a terminal; `answers` are pairs of what to wait for and what to type then."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(list(map(str, command)), stdin=slave, stdout=slave, stderr=slave,
                               env=env, start_new_session=True,
                               preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(slave)
    text = b""
    left = list(answers)
    end = time.monotonic() + slow(timeout)
    try:
        while time.monotonic() < end:
            if not select.select([master], [], [], 0.1)[0]:
                continue
            try:
                piece = os.read(master, 65536)
            except OSError:  # the other side is closed
                break
            if not piece:
                break
            text += piece
            if left and left[0][0].encode() in text:
                os.write(master, left.pop(0)[1].encode())
        ended = process.wait(slow(10))
    finally:
        os.close(master)
        if process.poll() is None:
            process.kill()
            process.wait()
    return Done(ended, text.decode().replace("\r\n", "\n"))


class Ctl:
    """mixportctl for one daemon, by its socket unless said otherwise."""

    def __init__(self, daemon, **env):
        self.daemon = daemon
        self.env = environment(daemon.folder, **(env or {"MIXPORT_SOCKET": daemon.socket}))

    def check(self, done):
        assert not SANITIZER.search(done.err), done
        self.daemon.assert_no_secret((done.out + done.err).encode(), "what mixportctl printed")
        return done

    def __call__(self, *arguments, stdin="", code=0, env=None, **options):
        """Runs it with pipes; the exit status must be `code`, or anything for None."""
        ended = subprocess.run(
            [MIXPORTCTL, *map(str, arguments)], input=stdin.encode(), env={**self.env, **(env or {})},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=slow(60), **options)
        done = self.check(Done(ended.returncode, ended.stdout.decode(), ended.stderr.decode()))
        assert code is None or done.code == code, done
        return done

    def start(self, *arguments, **options):
        """Starts it and returns the process, with pipes."""
        return subprocess.Popen([MIXPORTCTL, *map(str, arguments)], env=self.env,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, **options)

    def on_terminal(self, *arguments, code=0, env=None, **options):
        """Runs it on a terminal."""
        done = self.check(on_terminal([MIXPORTCTL, *arguments], {**self.env, **(env or {})},
                                      **options))
        assert code is None or done.code == code, done
        return done


class Answering:
    """Something that listens on loopback and answers every request with the same bytes, then hangs
    up; with None it says nothing. `data` may be what gives the bytes for a method and a target."""

    def __init__(self, data):
        self.data = data
        self.requests = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.held = []

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(slow(10))
        for connection in self.held:
            connection.close()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(slow(10))
            request = b""
            while b"\r\n\r\n" not in request:
                piece = connection.recv(65536)
                if not piece:
                    break
                request += piece
            self.requests.append(request)
            if self.data is None:
                self.held.append(connection)
                continue
            data = self.data
            if callable(data):
                data = data(*request.decode().split(" ")[:2])
            connection.sendall(data)
            connection.close()


def answer(body, content_type="application/json", status="200 OK"):
    body = body.encode()
    return (f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n").encode() + body
