"""No secret comes out. The harness looks for those of each daemon in every answer, in the log at
debug level, in the database and its copies, and in what the system shows of the process, in all
tests; here is what tells that it would find one."""

import base64
import json
import re
from urllib.parse import quote, quote_plus

import pytest

from harness import TOKENS, USER, forms_of, gcs, wait_until

SECRET = USER.split(":")[1]
SECRETS = [SECRET, TOKENS[0].secret]
ENCODINGS = {
    "as it is": lambda s: s,
    "in JSON": lambda s: json.dumps(s)[1:-1],
    "in JSON of UTF-8": lambda s: json.dumps(s, ensure_ascii=False)[1:-1],
    "in JSON with slashes": lambda s: json.dumps(s)[1:-1].replace("/", "\\/"),
    "in JSON within JSON": lambda s: json.dumps(json.dumps(s))[3:-3],
    "in JSON as codes": lambda s: "".join(f"\\u{ord(c):04x}" for c in s),
    "in JSON as codes in capitals": lambda s: "".join(f"\\u{ord(c):04X}" for c in s),
    "in a URL": lambda s: quote(s, safe=""),
    "in a path": quote,
    "in a form": quote_plus,
    "in a URL in small letters": lambda s: re.sub("%..", lambda c: c[0].lower(), quote(s)),
    "in a URL as codes": lambda s: "".join(f"%{byte:02X}" for byte in s.encode()),
    "in a URL as codes in small letters": lambda s: "".join(f"%{byte:02x}" for byte in s.encode()),
    "in hexadecimal": lambda s: s.encode().hex(),
    "in hexadecimal in capitals": lambda s: s.encode().hex().upper(),
    "of Basic": lambda s: base64.b64encode(f"name:{s}".encode()).decode(),
    "of Basic, without padding": lambda s: base64.b64encode(f"nm:{s}".encode()).decode().strip("="),
    "in base64 for URLs": lambda s: base64.urlsafe_b64encode(f"n:{s}\n".encode()).decode(),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("secret", SECRETS, ids=["credential", "token"])
def test_a_secret_would_be_found(daemon, secret, encoding):
    text = ENCODINGS[encoding](secret)
    assert any(form in text.encode() for form in forms_of(secret))
    with pytest.raises(AssertionError, match="a secret in"):
        daemon.assert_no_secret(f"before {text} behind".encode(), "an answer")
    kept = daemon.log()
    with open(daemon.log_path, "a") as log:
        log.write(text + "\n")
    with pytest.raises(AssertionError, match="a secret in stderr"):
        daemon.assert_nothing_leaked()
    daemon.log_path.write_text(kept)


# Also what the harness need not find, because it finds those that come out of it.
REPEATED = {**{f"{whose} {name}": encode(text) for name, encode in ENCODINGS.items()
               for whose, text in (("the pair", USER), ("the secret", SECRET))},
            "in a URL twice": quote(quote(USER)),
            "in base64": base64.b64encode(USER.encode()).decode(),
            **{f"alone in base64 behind {before}": base64.b64encode(b"." * before + SECRET.encode())
               .decode().strip("=") for before in range(3)},
            "in base64 in a URL": quote(base64.b64encode(SECRET.encode()).decode(), safe="")}


@pytest.mark.parametrize("form", REPEATED)
def test_what_mixpanel_repeats_is_kept_back(daemon, sim, api, form):
    """From the answer, the operation, the log and the database alike."""
    said = f"refused {REPEATED[form]} today"
    sim.refuse("create", 422, body=json.dumps({"status": "error", "error": said}))
    answer = api.create(gcs())
    assert answer.status == 422
    assert re.fullmatch("refused .*[*]{8,}.* today", answer.json["upstream"]["message"])
    assert api.get("/v1/operations").json["data"][0]["error"]["message"].endswith(" today")
    daemon.assert_nothing_leaked()


HEADERS = {"RateLimit": f"user={USER}", "RateLimit-Policy": REPEATED["in base64"],
           "x-mp-request-id": SECRET.encode().hex(), "Retry-After": USER, "Date": USER,
           "Location": f"http://{USER}@127.0.0.1/", "Content-Type": SECRET}


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("status", [301, 422, 503])
def test_no_header_of_mixpanels_goes_on(daemon, sim, api, name, status):
    """Neither that of a create nor that of a read leaves anything anywhere."""
    daemon.expect_error("")
    sim.fault("status", "create", status=status, headers={name: HEADERS[name]})
    api.create(gcs(), wait=1)
    wait_until(lambda: sim.received("create") == 1)
    sim.fault("status", "list", status=status, headers={name: HEADERS[name]})
    wait_until(lambda: not sim.faults(), what="a list is struck")
    assert api.get("/v1/operations").json["data"]


def test_what_is_said_of_limits_is_logged_without_the_credential(daemon, sim):
    """A secret that the line's end would cut in two is found before it is cut."""
    before = "x" * (200 - len(SECRET) // 2)
    sim.fault("status", "list", status=200, headers={"RateLimit": f"r=1 {USER}",
                                                     "RateLimit-Policy": before + SECRET})
    wait_until(lambda: f"call has RateLimit: r=1 {'*' * len(USER.encode())}\n" in daemon.log())
    wait_until(lambda: f"call has RateLimit-Policy: {before}*" in daemon.log())
    assert before + SECRET[:3] not in daemon.log()
