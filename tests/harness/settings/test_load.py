import pytest

from harness.errors import ConfigError
from harness.settings.declared import SPECS
from harness.settings.load import load_settings, luigi_cfg


@pytest.fixture
def cfg(tmp_path, monkeypatch):
    def write(text):
        (tmp_path / "luigi.cfg").write_text(text)
        monkeypatch.chdir(tmp_path)

    return write


def load(tiny_dataset, options=None, environ=None):
    return load_settings({"recipe": "smoke", "dataset": str(tiny_dataset), **(options or {})}, environ or {})


def test_the_command_line_wins_over_the_environment_over_luigi_cfg_over_the_recipe(cfg, tiny_dataset):
    cfg("[jamcam]\nepochs = 30\nbatch = 30\nseed = 30\n")
    environ = {"JAMCAM_EPOCHS": "20", "JAMCAM_BATCH": "20"}

    settings = load(tiny_dataset, {"epochs": "10"}, environ)

    assert (settings.epochs, settings.batch, settings.seed, settings.val_split_pct) == (10, 20, 30, 20.0)
    names = ("epochs", "batch", "seed", "val_split", "gpus", "keep")
    origins = [settings.origins[name] for name in names]
    assert origins == ["command line", "environment", "luigi.cfg", "recipe smoke", "platform local", "built-in"]


def test_an_unknown_key_in_luigi_cfg_is_refused_with_the_nearest_one(cfg, tiny_dataset):
    cfg("[jamcam]\nepoch = 3\n")

    with pytest.raises(ConfigError) as caught:
        load(tiny_dataset)

    assert caught.value.message == "luigi.cfg: unknown key 'epoch' in [jamcam]"
    assert caught.value.remedy == "write epochs"


def test_a_luigi_cfg_that_cannot_be_parsed_is_refused(cfg, tiny_dataset):
    cfg("epochs = 3\n")

    with pytest.raises(ConfigError, match=r"luigi\.cfg: File contains no section headers"):
        load(tiny_dataset)


def test_without_a_luigi_cfg_here_the_one_of_the_checkout_counts(tmp_path, monkeypatch, checkout):
    monkeypatch.chdir(tmp_path)

    assert luigi_cfg({}) == checkout / "luigi.cfg"
    assert luigi_cfg({"LUIGI_CONFIG_PATH": "/elsewhere.cfg"}).as_posix() == "/elsewhere.cfg"


def test_a_relative_workspace_becomes_absolute(tmp_path, monkeypatch, tiny_dataset):
    monkeypatch.chdir(tmp_path)

    assert load(tiny_dataset, {"workspace": "here"}).workspace == tmp_path / "here"


def test_a_recipe_may_want_weights_to_start_from(tmp_path):
    recipe = (SPECS / "recipes" / "smoke.toml").read_text()
    (tmp_path / "mine.toml").write_text(
        recipe + 'pretrained = "https://example.org/w.hdf5"\npretrained_sha256 = "00"\n'
    )

    settings = load_settings({"recipe": str(tmp_path / "mine.toml")}, {})

    assert (settings.pretrained, settings.pretrained_sha256) == ("https://example.org/w.hdf5", "00")
    assert settings.origins["pretrained"] == "recipe mine"
