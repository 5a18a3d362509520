import pytest

from harness.errors import ConfigError
from harness.settings.address import check_address

SHA256 = "0" * 64


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/a.zip",
        "http://127.0.0.1:8000/a.zip",
        "http://[::1]/a",
        "http://localhost/a",
        "file:///a.zip",
    ],
)
def test_an_address_that_nobody_can_tamper_with_is_taken(address):
    check_address(address, sha256=SHA256, where="d.toml")


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/a.zip",
        "http://127.0.0.1.example.org/a",
        "ftp://example.org/a",
        "a.zip",
        "https:///a",
        "",
    ],
)
def test_any_other_address_is_refused_also_with_a_sha256(address):
    with pytest.raises(ConfigError, match=r"d\.toml: address is .*, expected https://"):
        check_address(address, sha256=SHA256, where="d.toml")


def test_a_remote_address_without_sha256_is_refused():
    with pytest.raises(ConfigError, match=r"d\.toml: https://example\.org/a has no sha256") as caught:
        check_address("https://example.org/a", sha256="", where="d.toml")

    assert "sha256sum" in caught.value.remedy


def test_a_file_of_this_machine_needs_no_sha256():
    check_address("file:///a.zip", sha256="", where="d.toml")


@pytest.mark.parametrize("sha256", ["abc", "0" * 63, "Z" * 64, "A" * 64])
def test_a_malformed_sha256_is_refused(sha256):
    with pytest.raises(ConfigError, match="expected 64 digits"):
        check_address("file:///a.zip", sha256=sha256, where="d.toml")


@pytest.mark.parametrize(
    "address",
    [
        "https://me:s3cret@example.org/a.zip",
        "https://example.org/a.zip?download=1&access_token=s3cret",
        "https://example.org/a.zip?X-Amz-Signature=s3cret",
    ],
)
def test_an_address_with_a_secret_is_refused_and_not_repeated(address):
    with pytest.raises(ConfigError, match="holds a user or a key") as caught:
        check_address(address, sha256=SHA256, where="d.toml")

    assert "s3cret" not in caught.value.message + caught.value.remedy
    assert caught.value.remedy.startswith("fetch the file by hand")
