import email.utils
import hashlib
import http.server
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.data.fetch import Patience, fetch
from harness.errors import ConfigError, DataError
from tests.waiting import until

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
QUICK = Patience(pauses_s=(0.01, 0.01, 0.01), stall_s=30.0)


class Server:
    """A server on loopback that behaves as told, and notes what it was asked."""

    def __init__(self):
        self.content, self.etag, self.ranges = CONTENT, '"one"', True
        self.cut_after = []  # body bytes after which each of the next answers breaks off
        self.statuses = []  # of the next answers, in place of the file
        self.retry_after = ""  # what they ask for
        self.redirects = []  # where the next answers point
        self.pause_s = 0.0  # before each piece of a body
        self.stands_at = None  # byte at which a body stands still until `goes_on` is set
        self.goes_on = threading.Event()
        self.asked = []  # headers of each request
        self.asked_unix_s = []  # when each came
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.answer(self)

            def do_CONNECT(self):
                server.asked.append({"CONNECT": self.path})
                self.send_error(403)

            def log_message(self, *words):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.handle_error = lambda request, address: None  # clients may go away
        self.address = f"http://127.0.0.1:{self.http.server_port}/frames.zip"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def answer(self, handler):
        self.asked.append(dict(handler.headers))
        self.asked_unix_s.append(time.time())
        if self.redirects:
            handler.send_response(302)
            handler.send_header("Location", self.redirects.pop(0))
            handler.end_headers()
            return
        if self.statuses:
            handler.send_response(self.statuses.pop(0))
            handler.send_header("Retry-After", self.retry_after)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        start = self.start(handler.headers)
        if start >= len(self.content):
            handler.send_error(416)
            return
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        handler.send_header("Content-Length", str(len(self.content) - start))
        handler.send_header("ETag", self.etag)
        handler.end_headers()
        end = start + self.cut_after.pop(0) if self.cut_after else len(self.content)
        for place in range(start, min(end, len(self.content)), 50_000):
            time.sleep(self.pause_s)
            if place == self.stands_at:
                self.goes_on.wait()
            handler.wfile.write(self.content[place : min(place + 50_000, end)])

    def start(self, headers):
        wanted = re.match(r"bytes=(\d+)-", headers.get("Range", ""))
        if not wanted or not self.ranges or headers.get("If-Range", self.etag) != self.etag:
            return 0
        return int(wanted[1])


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def part(tmp_path):
    return tmp_path / "data" / ".frames.zip.part"


def bring(address, part, *, sha256=SHA256):
    said = []
    fetch(address, part, sha256=sha256, say=said.append, patience=QUICK)
    return said


def test_a_file_arrives_whole(server, part):
    bring(server.address, part)

    assert part.read_bytes() == CONTENT


def test_a_broken_connection_is_resumed_where_it_broke(server, part):
    server.cut_after = [200_000, 100_000]

    said = bring(server.address, part)

    assert part.read_bytes() == CONTENT
    assert [asked.get("Range") for asked in server.asked] == [None, "bytes=200000-", "bytes=300000-"]
    assert server.asked[1]["If-Range"] == '"one"'
    assert any("resuming after 200000 bytes" in line for line in said)


def test_a_later_call_resumes_what_an_earlier_one_left(server, part):
    server.cut_after = [200_000, 0, 0, 0, 0]
    with pytest.raises(DataError, match=r"the connection ended at 200000 of 512000 bytes, 4 times in a row"):
        bring(server.address, part)
    del server.asked[:]

    bring(server.address, part)

    assert part.read_bytes() == CONTENT
    assert [asked.get("Range") for asked in server.asked] == ["bytes=200000-"]


def test_a_server_that_cannot_resume_sends_all_again(server, part):
    server.cut_after, server.ranges = [200_000], False

    said = bring(server.address, part)

    assert part.read_bytes() == CONTENT
    assert any("200000 bytes were of no use" in line for line in said)


def test_a_file_that_changed_meanwhile_starts_from_its_first_byte(server, part):
    server.content, server.etag, server.cut_after = b"old" * 100_000, '"old"', [200_000, 0, 0, 0, 0]
    with pytest.raises(DataError):
        bring(server.address, part)
    server.content, server.etag = CONTENT, '"one"'

    bring(server.address, part)

    assert part.read_bytes() == CONTENT


def test_a_resumed_part_of_unknown_origin_that_does_not_fit_is_fetched_anew(server, part):
    part.parent.mkdir()
    part.write_bytes(b"of another file")

    said = bring(server.address, part)

    assert part.read_bytes() == CONTENT
    assert any("does not have the expected sha256" in line for line in said)


def test_a_part_that_is_whole_already_is_taken_as_it_is(server, part):
    part.parent.mkdir()
    part.write_bytes(CONTENT)

    bring(server.address, part)

    assert [asked["Range"] for asked in server.asked] == ["bytes=512000-"]


def test_wrong_content_is_told_with_both_digests_and_thrown_away(server, part):
    server.content = b"something else"
    found = hashlib.sha256(b"something else").hexdigest()

    with pytest.raises(DataError, match=rf"sha256 {found} \(14 bytes\), expected {SHA256}"):
        bring(server.address, part)

    assert list(part.parent.iterdir()) == []


def test_a_server_that_is_busy_for_a_while_is_asked_again(server, part):
    server.statuses = [503, 429]

    bring(server.address, part)

    assert part.read_bytes() == CONTENT


def test_a_refusal_is_final(server, part):
    server.statuses = [404]

    with pytest.raises(DataError, match="404"):
        bring(server.address, part)

    assert len(server.asked) == 1


def test_silence_counts_as_a_broken_connection(server, part):
    server.pause_s = 1.0

    with pytest.raises(DataError, match="timed out, 2 times in a row"):
        fetch(
            server.address, part, sha256=SHA256, say=print, patience=Patience(pauses_s=(0.01,), stall_s=0.1)
        )


def test_a_server_that_is_not_there_is_named(server, part):
    nobody = server.address
    server.http.server_close()

    with pytest.raises(DataError, match=r"frames\.zip: .*refused, 4 times in a row"):
        bring(nobody, part)


def test_a_redirect_that_keeps_the_bytes_safe_is_followed(server, part):
    server.redirects = [server.address]

    bring(server.address, part)

    assert part.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "target", ["http://example.org/frames.zip", "file:///etc/hostname", "ftp://example.org/a"]
)
def test_a_redirect_to_where_bytes_could_be_changed_is_refused(server, part, target):
    server.redirects = [target]

    with pytest.raises(DataError, match=r"[Rr]edirect.* '?(http://example|file:|ftp:)"):
        bring(server.address, part)


def test_the_proxy_of_the_environment_is_asked(server, part, monkeypatch):
    monkeypatch.setenv("https_proxy", server.address.removesuffix("/frames.zip"))

    with pytest.raises(DataError, match="403"):
        bring("https://example.org/frames.zip", part)

    assert server.asked[0] == {"CONNECT": "example.org:443"}


def test_a_remote_address_without_sha256_is_never_asked(server, part):
    with pytest.raises(ConfigError, match="has no sha256"):
        bring(server.address, part, sha256="")

    assert server.asked == []


def test_a_file_of_this_machine_is_copied_and_checked(tmp_path, part):
    source = tmp_path / "with blank.zip"
    source.write_bytes(CONTENT)

    bring(source.as_uri(), part)

    assert part.read_bytes() == CONTENT
    assert source.read_bytes() == CONTENT


def test_a_file_that_is_not_there_is_named(tmp_path, part):
    with pytest.raises(DataError, match=r"no file at .*gone\.zip"):
        bring((tmp_path / "gone.zip").as_uri(), part)


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(server, part, monkeypatch):
    server.content = b""
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1_000_000})())
    source = part.parent.parent / "large.zip"
    source.write_bytes(CONTENT)

    with pytest.raises(DataError, match=r"needs 1 MB and 67 MB to spare, 1 MB are free"):
        bring(source.as_uri(), part)

    assert not part.exists()


def test_a_killed_download_is_resumed(server, part):
    server.stands_at = 100_000
    program = (
        "import sys; from pathlib import Path; from harness.data.fetch import fetch\n"
        f"fetch({server.address!r}, Path({str(part)!r}), sha256={SHA256!r}, say=print)"
    )
    child = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).resolve().parents[3])
    until(lambda: part.exists() and part.stat().st_size > 50_000, process=child)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    had = part.stat().st_size
    server.stands_at = None
    server.goes_on.set()

    bring(server.address, part)

    assert part.read_bytes() == CONTENT
    assert server.asked[-1]["Range"] == f"bytes={had}-"


@pytest.mark.parametrize("moment", [False, True])
def test_a_pause_that_the_server_asks_for_is_kept(server, part, moment):
    later = email.utils.formatdate(time.time() + 2, usegmt=True)
    server.statuses, server.retry_after = [429], later if moment else "1"

    bring(server.address, part)

    first_s, second_s = server.asked_unix_s
    wanted_s = email.utils.parsedate_to_datetime(later).timestamp() if moment else first_s + 1
    assert second_s >= wanted_s - 0.01
    assert part.read_bytes() == CONTENT


def test_a_pause_of_an_hour_is_told_and_not_waited_for(server, part):
    server.statuses, server.retry_after = [429], "3600"

    with pytest.raises(DataError, match=r"answers 429 .*, and asks to wait 1 h 00 min") as caught:
        bring(server.address, part)

    assert "put it at" in caught.value.remedy


@pytest.mark.parametrize("text", ["soon", "-1", "99999999999999999999", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_pause_that_makes_no_sense_is_none(server, part, text):
    server.statuses, server.retry_after = [503], text
    if text.isdecimal():
        with pytest.raises(DataError, match="asks to wait"):
            bring(server.address, part)
        return

    bring(server.address, part)

    assert part.read_bytes() == CONTENT


def test_a_refused_program_is_told_where_a_person_may_put_the_file(server, part):
    server.statuses = [403]

    with pytest.raises(DataError, match="403") as caught:
        bring(server.address, part)

    assert caught.value.remedy.endswith(f"fetch it by hand and put it at {part.parent / 'frames.zip'}")


def test_a_web_page_in_place_of_the_file_is_called_one(server, part):
    server.content = b"<!doctype html><title>Sign in</title>"

    with pytest.raises(DataError, match=r"\(37 bytes, a web page\), expected") as caught:
        bring(server.address, part)

    assert "fetch it by hand" in caught.value.remedy


def test_a_server_that_has_no_such_range_although_none_was_asked_for_refuses(server, part):
    server.statuses = [416]

    with pytest.raises(DataError, match="the server answers 416"):
        bring(server.address, part)
