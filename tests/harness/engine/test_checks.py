import pytest

from harness.engine.checks import check, findings
from harness.errors import ConfigError
from harness.settings.declared import SPECS


@pytest.fixture
def tao(settings, tmp_path, monkeypatch):
    """Makes settings for NVIDIA's engine on a machine that has apptainer, an image, and a key."""
    program = tmp_path / "bin" / "apptainer"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho has yolo_v4; echo may write; echo sees GPU; echo TAO\n")
    program.chmod(0o755)
    (tmp_path / "tao.sif").write_text("image")
    monkeypatch.setenv("KEY", "secret")

    def make(**changes):
        made = settings(
            **{"engine": "tao", "image": str(tmp_path / "tao.sif"), "tao_version": "3.21.11", **changes}
        )
        monkeypatch.setenv("PATH", str(program.parent))
        return made

    return make


def test_sound_settings_pass(settings, tao):
    assert check(settings()) == []
    assert check(tao()) == []


def test_nvidias_program_is_not_asked_for_a_number_format_that_it_lacks(tao):
    assert check(tao(numbers="auto")) == check(tao(numbers="fp16")) == []

    with pytest.raises(ConfigError, match="in float32 or with --use_amp, in float16, not in bf16") as caught:
        check(tao(numbers="bf16"))
    assert caught.value.remedy == "give --numbers auto, which to it is --use_amp; or ENGINE=portable"


def test_a_spec_beyond_nvidias_program_is_refused_for_its_engine_and_told_for_ours(settings, tao):
    name = "yolo_v4_train_resnet10_smoke.txt"
    sound = tao()
    path = sound.workspace / "specs" / name
    path.parent.mkdir(parents=True)
    path.write_text((SPECS / name).read_text() + "extension { min_visible: 0.2 }\n")

    with pytest.raises(ConfigError) as caught:
        check(sound)

    assert caught.value.message == (
        f"{path} has an extension, which only our own yolo_v4 knows; NVIDIA's refuses it"
    )
    assert caught.value.remedy == "give ENGINE=portable, or a RECIPE without one, such as jamcam"
    told = [one.observed for one in findings(settings(engine="portable")) if one.what == "specs"]
    assert told == [f"{name}, with an extension that NVIDIA's program refuses"]


@pytest.mark.parametrize(
    ("changes", "message", "remedy"),
    [
        (
            {"pretrained": "mine.hdf5"},
            "pretrained is mine.hdf5 (command line), and there is no such file",
            "correct",
        ),
        (
            {"pretrained": "https://example.org/resnet_18.hdf5"},
            "pretrained is https://example.org/resnet_18.hdf5 (command line) and has no sha256, "
            "without which nobody can tell what arrived",
            "give --pretrained-sha256; ",
        ),
        (
            {"pretrained": "http://example.org/resnet_18.hdf5", "pretrained_sha256": "0" * 64},
            "pretrained (command line): address is 'http://example.org/resnet_18.hdf5', "
            "expected https://…, file:… or, on this machine only, http://127.0.0.1…",
            "correct the address",
        ),
        (
            {"pretrained": "https://example.org/resnet_18.hdf5", "pretrained_sha256": "0123"},
            "pretrained (command line): sha256 is '0123', expected 64 digits 0-9 a-f",
            "correct sha256",
        ),
    ],
)
def test_weights_that_cannot_be_brought_are_refused_before_anything_runs(settings, changes, message, remedy):
    with pytest.raises(ConfigError) as caught:
        check(settings(**changes))

    assert caught.value.message == message
    assert caught.value.remedy.startswith(remedy)


def test_a_class_that_the_spec_does_not_map_is_refused(settings, tiny_dataset, tmp_path):
    text = (
        tiny_dataset.read_text()
        .replace("'truck'", "'truck', 'tram'")
        .replace("file:", f"file:{tiny_dataset.parent}/")
    )
    (tmp_path / "trams.toml").write_text(text)

    with pytest.raises(ConfigError) as caught:
        check(settings(dataset=str(tmp_path / "trams.toml")))

    assert caught.value.message == (
        "yolo_v4_train_resnet10_smoke.txt maps the classes person, bicycle, car, motorbike, bus, truck, "
        "but the data set tiny also has tram"
    )
    assert "`new-dataset` writes such a spec" in caught.value.remedy


def test_the_remedy_for_a_missing_class_names_files_that_are_there(settings, tiny_dataset, tmp_path):
    text = tiny_dataset.read_text().replace("'truck'", "'traffic light'")
    (tmp_path / "lights.toml").write_text(text.replace("file:", f"file:{tiny_dataset.parent}/"))
    chosen = settings(dataset=str(tmp_path / "lights.toml"))
    copy = chosen.workspace / "specs" / chosen.recipe.spec

    with pytest.raises(ConfigError, match=r"has traffic_light \(as 'traffic light' is written\)") as caught:
        check(chosen)
    assert caught.value.remedy.startswith(
        f"copy {SPECS / chosen.recipe.spec} to {copy}, and add a target_class_mapping for each in {copy}"
    )

    copy.parent.mkdir(parents=True)
    copy.write_text((SPECS / chosen.recipe.spec).read_text() + "# mine\n")
    with pytest.raises(ConfigError) as caught:
        check(settings(dataset=str(tmp_path / "lights.toml")))
    assert caught.value.remedy.startswith(f"add a target_class_mapping for each in {copy}")


def test_weights_at_an_address_with_a_key_are_refused_without_repeating_it(settings):
    found = [one for one in findings(settings(pretrained="https://x.org/w?sig=s3cret")) if one.problem]

    assert [one.what for one in found] == ["pretrained"]
    assert "holds a user or a key" in found[0].problem
    assert "s3cret" not in str(found[0])


def test_several_machines_are_refused(settings):
    with pytest.raises(
        ConfigError, match=r"nodes is 2 \(command line\); only the portable engine trains on several"
    ):
        check(settings(nodes="2"))


def test_in_a_job_our_engine_trains_on_several_machines(settings, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")

    check(settings(nodes="2", engine="portable"))
    with pytest.raises(ConfigError, match="only the portable engine"):
        check(settings(nodes="2"))


def test_a_missing_container_program_is_refused(tao, monkeypatch, tmp_path):
    made = tao()
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(
        ConfigError,
        match="ENGINE=tao with an image needs apptainer or singularity on PATH, and there is none",
    ):
        check(made)


def test_a_missing_image_is_refused(tao, tmp_path):
    with pytest.raises(ConfigError, match=r"needs a container image, found .*/none\.sif"):
        check(tao(image=str(tmp_path / "none.sif")))
    with pytest.raises(ConfigError, match=r"found no image named \(command line\)"):
        check(tao(image=""))


@pytest.mark.parametrize("name", ["two words", "it's", 'quo"te'])
def test_a_blank_or_a_quote_in_a_path_is_refused_for_nvidias_engine(tao, tmp_path, name):
    with pytest.raises(ConfigError, match="the path of the workspace has a blank or a quote"):
        check(tao(workspace=str(tmp_path / name)))


def test_such_a_path_is_fine_for_other_engines(settings, tmp_path):
    check(settings(workspace=str(tmp_path / "two words")))


def test_an_older_tao_without_key_is_refused_and_a_newer_one_needs_none(tao, monkeypatch):
    monkeypatch.delenv("KEY")

    with pytest.raises(ConfigError, match=r"TAO 3\.21\.11 needs a model key"):
        check(tao())
    check(tao(tao_version="5.0.0"))
