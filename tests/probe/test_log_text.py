import codecs
import gzip
import hashlib
import os

import pytest

from probe import log_text
from probe.errors import ProbeError
from probe.log_text import read_log

TEXT = "#Date Time gpu\n 20220704 12:00:00 0\n"
LINES = [(1, "#Date Time gpu"), (2, " 20220704 12:00:00 0")]


@pytest.fixture
def kept(tmp_path):
    """Reads a file with that content."""

    def read(content):
        (tmp_path / "log").write_bytes(content)
        return read_log(tmp_path / "log")

    return read


@pytest.mark.parametrize(
    ("content", "remarks"),
    [
        (TEXT.encode(), ()),
        (TEXT.replace("\n", "\r\n").encode(), ()),
        (codecs.BOM_UTF8 + TEXT.encode(), ("the mark of UTF-8 at its start was left out",)),
        (
            codecs.BOM_UTF16_LE + TEXT.replace("\n", "\r\n").encode("utf-16-le"),
            ("it was read as UTF-16, which PowerShell writes",),
        ),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), ("it was read as UTF-16, which PowerShell writes",)),
        (gzip.compress(TEXT[:5].encode()) + gzip.compress(TEXT[5:].encode()), ("it was unpacked with gzip",)),
    ],
    ids=["plain", "CRLF", "BOM", "PowerShell", "big-endian", "two members of gzip"],
)
def test_a_log_is_read_whatever_it_was_packed_in(kept, content, remarks):
    found = kept(content)

    assert found.tasks == {"": LINES}
    assert found.remarks == remarks
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.name == "log"


def test_of_a_packed_log_that_was_cut_whole_lines_are_read(kept):
    long = TEXT + "".join(f" 20220704 12:00:{at:02} 0 {at * 7919 % 1000}\n" for at in range(60))
    found = kept(gzip.compress(long.encode(), mtime=0)[:-60])

    assert found.remarks[:2] == ("it was unpacked with gzip", "its packed end is cut off")
    lines = found.tasks[""]
    assert 10 < len(lines) < 62
    assert [line for _, line in lines] == long.splitlines()[: len(lines)]


def test_a_log_without_end_is_refused(kept, monkeypatch):
    monkeypatch.setattr(log_text, "MOST_BYTES", 2**20)
    for content in (b" " * (2**20 + 1), gzip.compress(b" " * 2**22)):
        with pytest.raises(ProbeError, match="holds more than 1 MiB of text"):
            kept(content)


def test_a_pipe_is_read_once_and_its_digest_is_that_of_what_was_read():
    reader, writer = os.pipe()
    os.write(writer, TEXT.encode())
    os.close(writer)
    found = read_log(log_text.Path(f"/dev/fd/{reader}"))
    os.close(reader)

    assert (found.name, found.tasks) == ("a pipe", {"": LINES})
    assert found.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
