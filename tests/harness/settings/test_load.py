import pytest

from harness.errors import ConfigError
from harness.settings.declared import SPECS
from harness.settings.load import Layer, load_settings, luigi_cfg, value_of
from harness.settings.variables import VARIABLES

KNOWN = {variable.name: variable for variable in VARIABLES}


@pytest.fixture
def cfg(tmp_path, monkeypatch):
    def write(text):
        (tmp_path / "luigi.cfg").write_text(text)
        monkeypatch.chdir(tmp_path)

    return write


def layers(**texts):
    return [Layer(origin, {"epochs": text}) for origin, text in texts.items()]


def load(tiny_dataset, options=None, environ=None):
    return load_settings({"recipe": "smoke", "dataset": str(tiny_dataset), **(options or {})}, environ or {})


def test_the_command_line_wins_over_the_environment_over_luigi_cfg_over_the_recipe(cfg, tiny_dataset):
    cfg("[jamcam]\nepochs = 30\nbatch = 30\nseed = 30\n")
    environ = {"JAMCAM_EPOCHS": "20", "JAMCAM_BATCH": "20"}

    settings = load(tiny_dataset, {"epochs": "10"}, environ)

    assert (settings.epochs, settings.batch, settings.seed, settings.val_split_pct) == (10, 20, 30, 20.0)
    names = ("epochs", "batch", "seed", "val_split", "gpus", "keep")
    origins = [settings.origins[name] for name in names]
    assert origins == [
        "command line",
        "environment",
        "luigi.cfg",
        "recipe smoke",
        "platform local",
        "built-in",
    ]


def test_the_first_layer_that_has_a_value_wins_and_is_named():
    assert value_of(KNOWN["epochs"], layers(first="3", second="5")) == (3, "first")


def test_a_layer_without_the_variable_is_passed_over():
    assert value_of(KNOWN["epochs"], [Layer("empty", {}), *layers(second="5")]) == (5, "second")


@pytest.mark.parametrize("text", ["0", "100", "-5", "x", "", "nan"])
def test_a_validation_split_that_leaves_a_side_empty_is_refused(text):
    with pytest.raises(ConfigError) as caught:
        value_of(KNOWN["val_split"], [Layer("command line", {"val_split": text})])

    assert (
        caught.value.message
        == f"val_split is '{text}' (command line), expected a number above 0 and below 100"
    )
    assert caught.value.remedy == "give --val-split a number above 0 and below 100"


def test_a_validation_split_may_be_a_fraction_of_a_percent():
    assert value_of(KNOWN["val_split"], [Layer("x", {"val_split": "0.5"})]) == (0.5, "x")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("epochs", "0"), ("epochs", "2.5"), ("batch", "-1"), ("seed", "-1"), ("engine", "tensorflow")),
        *(("deep", "maybe"), ("gpu_hz", "0"), ("host_hz", "100.5"), ("wall_time", "90"), ("account", "a b")),
    ],
)
def test_what_a_variable_does_not_take_is_refused(name, text):
    with pytest.raises(ConfigError, match=f"{name} is '{text}'"):
        value_of(KNOWN[name], [Layer("environment", {name: text})])


def test_a_rate_may_be_as_high_as_100_per_second():
    assert value_of(KNOWN["gpu_hz"], [Layer("x", {"gpu_hz": "100"})]) == (100.0, "x")


def test_what_a_verb_has_no_use_for_counts_only_on_the_command_line(cfg, tiny_dataset):
    cfg("[jamcam]\nkeep = 0\nseed = 7\n")
    options = {"recipe": "smoke", "dataset": str(tiny_dataset)}

    settings = load_settings(options, {"JAMCAM_GPU_HZ": "no rate", "JAMCAM_BATCH": "3"}, ["seed", "batch"])

    assert (settings.keep, settings.gpu_hz, settings.seed, settings.batch) == (True, 10, 7, 3)
    assert settings.overrides == {**options, "seed": "7", "batch": "3"}
    assert settings.cli_options == options


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


@pytest.mark.parametrize(
    "text",
    [
        "# put these into [jamcam]:\n[core]\nx = 1\n[jamcam]\n# wall_time = # [days-]hours\nepochs = 9\n",
        "[jamcam]\n; nothing\n[core]\n\n[DEFAULT]\nepochs = 9\n",
        "[jamcam]\nepochs:9",
    ],
)
def test_a_section_is_read_however_it_is_written(cfg, tiny_dataset, text):
    cfg(text)
    assert load(tiny_dataset).epochs == 9


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


def test_a_setting_of_earlier_versions_does_nothing_and_that_is_told(cfg, tiny_dataset):
    cfg("[jamcam]\nscheduler = 8082\nepochs = 5\n")

    settings = load_settings({"recipe": "smoke"}, {})

    assert settings.epochs == 5
    assert settings.remarks == (
        "scheduler does nothing any more (luigi.cfg): `jamcam status --watch` shows a run",
    )
    cfg("")
    (remark,) = load_settings({}, {"JAMCAM_SCHEDULER": "8082"}).remarks
    assert remark.startswith("scheduler does nothing any more (environment): ")
    assert load_settings({}, {}).remarks == ()
