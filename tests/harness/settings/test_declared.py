import pytest

from harness.errors import ConfigError
from harness.settings.declared import find_declared, read_toml


def test_a_path_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"no file at .*gone\.toml, expected one of datasets"):
        find_declared("datasets", str(tmp_path / "gone.toml"))


@pytest.mark.parametrize(
    "content", [b"a = = 1", b"a = '\xff'", b"a = " + b"[" * 100_000, b"a = " + b"9" * 5000, b"a = '\0'"]
)
def test_a_file_that_is_no_toml_is_told_with_its_path(tmp_path, content):
    (tmp_path / "bad.toml").write_bytes(content)

    with pytest.raises(ConfigError, match=r"bad\.toml is not TOML"):
        read_toml(tmp_path / "bad.toml")
