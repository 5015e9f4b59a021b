"""How requests reach Mixpanel: by a proxy, and with authorities of our own."""

import os
import socketserver
import ssl
import subprocess
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness import USER, gcs, wait_until


class Proxy(BaseHTTPRequestHandler):
    """Passes on what comes with a whole URL."""

    protocol_version = "HTTP/1.1"

    def pass_on(self):
        self.server.seen.append((self.command, self.path))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
        request = urllib.request.Request(self.path, body, method=self.command)
        for name in ("Authorization", "Content-Type"):
            if name in self.headers:
                request.add_header(name, self.headers[name])
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request) as answer:
            data = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    do_GET = do_POST = do_DELETE = pass_on

    def log_message(self, *arguments):
        pass


@pytest.fixture
def proxy():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    server.seen = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_every_request_goes_through_the_proxy(start_daemon, sim, proxy):
    url = f"http://127.0.0.1:{proxy.server_address[1]}"
    api = start_daemon(sim, config={"project demo": {"proxy": url}}).client()
    answer = api.create(gcs())
    assert answer.status == 201
    assert api.remove(answer.json["connector_id"]).status == 204
    assert {method for method, _ in proxy.seen} == {"GET", "POST", "DELETE"}
    assert len(proxy.seen) >= sim.stats()["total"] > 0
    assert all(path.startswith(sim.base_url) for _, path in proxy.seen)


def test_the_environment_names_no_proxy(start_daemon, sim, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert start_daemon(sim).client().create(gcs()).status == 201


class Relay(socketserver.BaseRequestHandler):
    """TLS outside, the simulated Mixpanel inside."""

    def handle(self):
        try:
            outside = self.server.context.wrap_socket(self.request, server_side=True)
        except (ssl.SSLError, OSError):
            return
        with outside:
            while True:
                data = b""
                while b"\r\n\r\n" not in data:
                    try:
                        more = outside.recv(65536)
                    except OSError:
                        return
                    if not more:
                        return
                    data += more
                target = data.split(b" ", 2)[1].decode()
                head = data.split(b"\r\n\r\n")[0].decode().split("\r\n")
                request = urllib.request.Request(self.server.base_url + target)
                for line in head[1:]:
                    if line.lower().startswith("authorization:"):
                        request.add_header("Authorization", line.split(": ", 1)[1])
                with urllib.request.urlopen(request) as answer:
                    body = answer.read()
                outside.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" %
                                (len(body), body))


class Relays(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@pytest.fixture
def certificate():
    """Whose it is, as options of openssl."""
    return ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]


@pytest.fixture
def secure(sim, tmp_path, certificate):
    """Mixpanel behind TLS, with a certificate of an authority that nobody knows."""
    run = lambda *arguments: subprocess.run(["openssl", *arguments], cwd=tmp_path, check=True,
                                            stderr=subprocess.PIPE)
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "ca.pem",
        "-days", "2", *certificate)
    server = Relays(("127.0.0.1", 0), Relay)
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.context.load_cert_chain(tmp_path / "ca.pem", tmp_path / "key.pem")
    server.base_url = sim.base_url.split("/api/app")[0]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.url = f"https://localhost:{server.server_address[1]}/api/app"
    server.ca = tmp_path / "ca.pem"
    os.chmod(server.ca, 0o644)
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_authority_nobody_knows_is_not_trusted(start_daemon, sim, secure):
    daemon = start_daemon(sim, ready=False, config={"project demo": {"base_url": secure.url}})
    api = daemon.client()
    wait_until(lambda: api.project()["upstream"]["state"] == "unreachable", 20, "it is refused")
    assert "certificate" in api.project()["sync"]["error"]["message"]
    assert sim.received("list") == 0


@pytest.mark.parametrize("certificate", [["-subj", "/CN=" + USER.split(":")[1].encode().hex()]], ids=["secret"])
def test_what_libcurl_quotes_is_kept_back(start_daemon, secure):
    """The log and the API are searched for the secret by the harness."""
    daemon = start_daemon(secure, ready=False, config={"project demo": {
        "base_url": secure.url, "ca_file": secure.ca}})
    api = daemon.client()
    wait_until(lambda: api.project()["upstream"]["state"] == "unreachable", 20, "it is refused")
    assert "name '***" in api.project()["sync"]["error"]["message"]


def test_with_ca_file_it_is(start_daemon, sim, secure):
    sim.put(2, job=False)
    daemon = start_daemon(sim, config={"project demo": {"base_url": secure.url,
                                                        "ca_file": secure.ca}})
    api = daemon.client()
    wait_until(lambda: len(api.connectors().json["data"]) == 2, 20, "they are listed")
    assert api.project()["upstream"]["state"] == "ok"
