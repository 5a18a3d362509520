import pytest

from harness.engine.model_key import model_key
from harness.errors import ConfigError


def test_the_key_file_wins_over_the_environment(monkeypatch, tmp_path):
    path = tmp_path / "key"
    path.write_text("from the file\n")
    path.chmod(0o600)
    monkeypatch.setenv("JAMCAM_KEY", "from the environment")
    monkeypatch.setenv("JAMCAM_KEY_FILE", str(path))

    assert model_key() == "from the file"


def test_a_key_file_that_others_may_read_is_refused(monkeypatch, tmp_path):
    path = tmp_path / "key"
    path.write_text("secret")
    path.chmod(0o644)
    monkeypatch.setenv("JAMCAM_KEY_FILE", str(path))

    with pytest.raises(ConfigError) as caught:
        model_key()

    assert caught.value.remedy == f"chmod 600 {path}"
    assert "secret" not in caught.value.message


def test_a_key_file_that_is_not_there_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("JAMCAM_KEY_FILE", str(tmp_path / "none"))

    with pytest.raises(ConfigError, match="cannot read the model key"):
        model_key()


@pytest.mark.parametrize(
    ("content", "said"), [(b" \n", "and is empty"), (b"\xff", "cannot read the model key")]
)
def test_a_key_file_without_a_key_is_refused(monkeypatch, tmp_path, content, said):
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    monkeypatch.setenv("JAMCAM_KEY_FILE", str(path))

    with pytest.raises(ConfigError, match=said):
        model_key()
