"""What `jamcam reproduce` does, from what was recorded to the receipt; the engine is a fast stand-in."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from harness.reproduce.foretell import Computing
from harness.reproduce.receipt import read_receipt
from harness.settings.declared import SPECS
from harness.workspace.marker import STAGES
from tests.harness.reproduce.conftest import FAKES
from tests.waiting import until


def other_engine(folder):
    """The stand-in, which writes other bytes of everything."""
    text = (FAKES / "yolo_v4").read_text()
    swaps = {
        "8 + 4 * step": "9 + 4 * step",
        '"\\n".join(names)': '"|".join(names)',
        'f"seed {': 'f"SEED {',
        '"epoch,loss"': '"epoch, loss of mine"',
        '"score": 0.5': '"score": 0.7',
        "0.5 + luck": "0.25 + luck",
        'output_labels.txt").write_text("\\n".join': 'output_labels.txt").write_text("|".join',
        'write_text("onnx")': 'write_text("another")',
        'else b"")': 'else b"car 0 0 0 1 2 3 4 0 0 0 0 0 0 0 0.9")',
        "frame.read_bytes() if": "frame.read_bytes() + b'x' if",
    }
    for old, new in swaps.items():
        assert old in text, old
        text = text.replace(old, new)
    folder.mkdir()
    (folder / "yolo_v4").write_text(text)
    (folder / "yolo_v4").chmod(0o755)
    return folder


def test_a_run_that_is_done_again_gives_the_same_bytes_and_a_receipt(reproduction):
    printed = reproduction()
    receipt = reproduction.receipt()

    assert "reproduced: same bytes" in printed
    assert (receipt["verdict"], receipt["level"]) == ("yes", "same bytes")
    assert {stage["stage"]: stage["attempts"] for stage in receipt["stages"]} == dict.fromkeys(STAGES, 1)
    assert all(stage["here_s"] is not None for stage in receipt["stages"])
    markers = [
        json.loads((reproduction.source / ".markers" / f"{stage}.json").read_text()) for stage in STAGES
    ]
    promised = {product["path"]: product["sha256"] for marker in markers for product in marker["products"]}
    assert {row["name"]: row["there"] for row in receipt["products"]} == promised
    assert {row["name"]: row["here"] for row in receipt["products"]} == promised


def test_another_engine_is_called_different_with_nine_new_attempts(reproduction, tmp_path):
    printed = reproduction(status=3, ENGINES=str(other_engine(tmp_path / "engines")))
    receipt, levels = reproduction.receipt(), reproduction.levels()

    assert (receipt["verdict"], receipt["level"]) == ("no", "different")
    assert [stage["attempts"] for stage in receipt["stages"]] == [1] * 9
    assert re.search(r"differs: engine_version: \w+ there, \w+ here", printed)
    assert receipt["promised"] == "different"
    assert levels["experiment/model_output_labels.txt"] == "different"
    assert levels["data/.frames/images"] == "same bytes"
    # Of stand-ins nobody can read the weights, and there is no band for their settings.
    assert levels["experiment/weights"] == levels["data/train/tfrecords"] == "cannot tell"
    (anchors,) = (row for row in receipt["products"] if row["name"] == "experiment/anchors.json")
    assert anchors["difference"].startswith("experiment/anchors.json big 0 0 was 32.0, is 33.0")
    assert "engine_version" in " ".join(anchors["causes"])


def test_an_interrupted_reproduction_goes_on(reproduction):
    process = reproduction.start(FAKE_YOLO_V4="train=hang-after-1")
    weights = "*/products/experiment/weights/*_001.pt"
    until(lambda: [*(reproduction.own / ".attempts" / "train").glob(weights)], process=process)
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, printed
    assert not (reproduction.own / "receipt.json").exists()

    reproduction()

    attempts = {stage["stage"]: stage["attempts"] for stage in reproduction.receipt()["stages"]}
    assert attempts == {**dict.fromkeys(STAGES, 1), "train": 2}
    assert reproduction.receipt()["level"] == "same bytes"


@pytest.mark.slow
def test_a_run_that_fails_is_told_with_the_command_that_goes_on(reproduction):
    printed = reproduction(status=1, FAKE_YOLO_V4="train=crash")

    assert "the engine's last words" in printed
    assert "the run did not come to its end" in printed
    assert f"go on with: jamcam reproduce {reproduction.source} --workspace={reproduction.own}" in printed
    assert not (reproduction.own / "receipt.json").exists()
    reproduction()


def test_only_some_stages_begin_with_the_others_products(reproduction):
    reproduction("--only=eval,export")
    receipt = reproduction.receipt()

    assert receipt["only"] == ["eval", "export"]
    assert {row["stage"] for row in receipt["products"]} == {"eval", "export"}
    done = {stage["stage"]: stage["attempts"] for stage in receipt["stages"]}
    assert [stage for stage, attempts in done.items() if attempts] == ["eval", "export"]
    assert {stage["stage"] for stage in receipt["stages"] if stage["here_s"] is None} == {*STAGES[:6]}


@pytest.mark.slow
def test_only_needs_the_others_weights(reproduction):
    shutil.rmtree(reproduction.source / "experiment" / "weights")

    printed = reproduction("--only=eval", status=5)

    assert "experiment/weights of that run is not at hand" in printed


@pytest.mark.slow
def test_settings_of_the_user_change_nothing(reproduction):
    reproduction(JAMCAM_SEED="7", JAMCAM_EPOCHS="5", JAMCAM_WORKSPACE=str(reproduction.source))
    assert reproduction.receipt()["level"] == "same bytes"


@pytest.mark.slow
def test_as_many_threads_are_taken_as_then_unless_the_user_wants_others(reproduction, edited):
    edited(
        ".markers/train.json", lambda table: table.update(numerics=[{"processor": "made up", "threads": 3}])
    )
    reproduction()
    assert reproduction.receipt()["here"]["facts"]["threads"] == 3

    shutil.rmtree(reproduction.own)
    printed = reproduction(OMP_NUM_THREADS="1")
    assert "threads: 3 there, 1 here" in printed
    assert reproduction.receipt()["promised"] == "same quality"


def test_another_version_of_a_package_that_writes_products_is_named(reproduction, tmp_path):
    (tmp_path / "site" / "pillow-9.9.9.dist-info").mkdir(parents=True)
    (tmp_path / "site" / "pytest-9.9.9.dist-info").mkdir()

    printed = reproduction("--only=vis", PYTHONPATH=str(tmp_path / "site"))

    differ = {fact["fact"]: fact["here"] for fact in reproduction.receipt()["differences"]}
    assert differ["pillow"] == "9.9.9"
    assert "pytest" not in differ
    assert "expected: same quality: the same bytes are not promised: pillow: " in printed


def test_a_receipt_holds_no_secret_no_path_and_no_name_of_a_user(reproduction):
    reproduction(JAMCAM_KEY="a-secret-key", USER="alice", LOGNAME="alice")
    text = (reproduction.own / "receipt.json").read_text()

    for word in (
        "a-secret-key",
        "alice",
        str(reproduction.source),
        str(reproduction.own),
        os.uname().nodename,
    ):
        assert word not in text
    assert reproduction.source.name not in text


@pytest.mark.slow
def test_a_receipt_is_never_written_over(reproduction):
    reproduction()
    first = (reproduction.own / "receipt.json").read_bytes()
    reproduction()

    assert (reproduction.own / "receipt.json").read_bytes() == first
    assert reproduction.receipt("receipt-2.json")["level"] == "same bytes"


@pytest.mark.slow
def test_a_receipt_can_be_shown_again_with_its_status(reproduction, tmp_path):
    reproduction()
    path = tmp_path / "sent.json"
    table = reproduction.receipt()
    reproduction.source = path
    path.write_text(json.dumps(table))
    assert "reproduced: same bytes" in reproduction()

    path.write_text(json.dumps({**table, "verdict": "no", "level": "different"}))
    assert "was edited: it says no, different, and its products are same bytes" in reproduction(status=1)

    first, *others = table["products"]
    products = [{**first, "level": "different"}, *others]
    path.write_text(json.dumps({**table, "verdict": "no", "level": "different", "products": products}))
    assert "not reproduced" in reproduction(status=3)

    path.write_text(json.dumps({**table, "schema_version": 2, "more": 1}))
    assert "a receipt of schema 2, this harness reads up to 1" in reproduction(status=1)

    path.write_text("{")
    assert "is no receipt" in reproduction(status=1)


def test_a_product_that_is_gone_there_is_known_by_its_digest(reproduction):
    shutil.rmtree(reproduction.source / "experiment" / "weights")
    reproduction()
    (row,) = (row for row in reproduction.receipt()["products"] if row["name"] == "experiment/weights")
    assert (row["level"], row["difference"]) == ("same bytes", "by its digest; it is not at hand there")


def test_a_product_that_was_changed_there_is_noticed_though_its_size_is_the_same(reproduction):
    path = reproduction.source / "experiment" / "metrics.json"
    path.write_text(path.read_text().replace("0.5", "0.6", 1))

    reproduction(status=3)

    (row,) = (row for row in reproduction.receipt()["products"] if row["name"] == "experiment/metrics.json")
    assert row["level"] == "different"
    assert row["causes"] == [
        "the file there is not the one that its marker names: it was changed after its run"
    ]


@pytest.mark.slow
def test_a_product_that_leads_elsewhere_is_not_read(reproduction, tmp_path):
    secret = tmp_path / "secret.json"
    secret.write_text('{"mAP": "my secret"}')
    path = reproduction.source / "experiment" / "metrics.json"
    path.unlink()
    path.symlink_to(secret)

    reproduction()

    assert "my secret" not in (reproduction.own / "receipt.json").read_text()


def test_inputs_that_are_not_those_of_the_marker_cannot_be_told(reproduction, edited):
    edited(".markers/inputs/train.json", lambda table: table["inputs"].update(seed="43"))
    assert "what went into train is not known" in reproduction(status=5)


def test_stages_that_do_not_belong_together_cannot_be_told(reproduction, edited):
    edited(".markers/train.json", lambda table: table["products"][0].update(sha256="0" * 64))
    assert "was made from other products of train than those that are there now" in reproduction(status=5)


@pytest.mark.slow
def test_an_archive_that_is_gone_is_told_with_what_would_do(reproduction):
    (archive,) = (reproduction.source / "data").glob("*.zip")
    archive.unlink()
    printed = reproduction()
    assert "its frames are: download is not done again" in printed
    assert reproduction.receipt()["only"] == [*STAGES[1:]]

    shutil.rmtree(reproduction.own)
    shutil.rmtree(reproduction.source / "data" / ".frames" / "images")
    printed = reproduction(status=5)
    assert "the archive of its data" in printed
    assert "is not at hand" in printed
    assert "a crate made WITH=data" in printed


@pytest.mark.slow
def test_data_that_changed_under_the_same_name_are_noticed(reproduction):
    (archive,) = (reproduction.source / "data").glob("*.zip")
    content = bytearray(archive.read_bytes())
    place = content.index(b"0.5 0.2 0.2 0.1\n")
    content[place : place + 3] = b"0.4"
    archive.write_bytes(content)

    printed = reproduction(status=1)

    assert "the run did not come to its end" in printed  # the archive's own checksums tell
    assert "frames.zip" in printed


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--only=evaluate"], "there is no stage evaluate"),
        (["--exakt"], "reproduce does not take --exakt"),
        (["--recipe=smoke"], "reproduce does not take --recipe"),
    ],
)
def test_words_that_mean_nothing_are_refused(reproduction, options, words):
    assert words in reproduction(*options, status=2)


def test_a_reproduction_has_a_workspace_of_its_own(reproduction, tmp_path):
    reproduction.own = reproduction.source
    assert "a reproduction has a workspace of its own" in reproduction(status=2)

    reproduction.own = tmp_path / "full"
    reproduction.own.mkdir()
    (reproduction.own / "notes.txt").write_text("mine")
    assert "holds something else than a reproduction of this run" in reproduction(status=2)


def test_a_workspace_in_which_a_run_is_at_work_is_left_alone(reproduction):
    (reproduction.source / ".lock").write_text("{}")
    assert "a run is, or was, at work in" in reproduction(status=4)


def test_what_is_no_run_is_refused(reproduction, tmp_path):
    reproduction.source = tmp_path / "nothing"
    assert "is neither a workspace (a folder with .markers), nor a crate" in reproduction(status=2)

    (reproduction.source / ".markers").mkdir(parents=True)
    assert "holds no marker of a finished stage" in reproduction(status=1)


def test_a_spec_that_names_a_path_outside_is_refused(reproduction, edited):
    from harness.workspace.marker import digest_of

    inputs = json.loads((reproduction.source / ".markers" / "inputs" / "train.json").read_text())
    inputs["inputs"]["spec"] += 'training_config { pretrain_model_path: "/etc/passwd" }\n'
    (reproduction.source / ".markers" / "inputs" / "train.json").write_text(json.dumps(inputs))
    edited(".markers/train.json", lambda table: table.update(fingerprint=digest_of(inputs)))

    assert "names the path '/etc/passwd', outside of its workspace" in reproduction(status=1)


def test_exact_takes_only_a_commit_of_this_clone(reproduction, edited):
    for stage in STAGES:
        edited(f".markers/{stage}.json", lambda table: table.update(git_commit="0" * 40))
    assert f"cannot be exact: commit {'0' * 40} is not in this clone" in reproduction("--exact", status=5)

    shutil.rmtree(reproduction.own)
    edited(".markers/train.json", lambda table: table.update(git_commit="--upload-pack=touch x"))
    assert "its stages are of several commits" in reproduction("--exact", status=5)


@pytest.mark.slow
def test_the_receipt_is_read_as_it_was_written(reproduction):
    reproduction()
    receipt = read_receipt(reproduction.own / "receipt.json")
    assert receipt.there.digest == reproduction.receipt()["there"]["digest"]
    assert len(receipt.products) == len(reproduction.levels())


def crate(reproduction, path, *options):
    """A crate of the source, which is reproduced in its place."""
    from tests.harness.reproduce.conftest import CHECKOUT

    argv = [
        sys.executable,
        "-m",
        "harness",
        "crate",
        str(path),
        f"--workspace={reproduction.source}",
        *options,
    ]
    subprocess.run(argv, cwd=CHECKOUT, check=True, capture_output=True)
    shutil.rmtree(reproduction.source)
    reproduction.source = path


@pytest.mark.slow
def test_a_crate_with_data_is_reproduced_as_its_workspace_is(reproduction, tmp_path):
    crate(reproduction, tmp_path / "run.crate.zip", "--with=data")

    assert "reproduced: same bytes" in reproduction()

    receipt = reproduction.receipt()
    assert receipt["there"]["kind"] == "crate"
    assert receipt["only"] == [*STAGES[1:]]  # the frames are in it, their archive is not
    (weights,) = (row for row in receipt["products"] if row["name"] == "experiment/weights")
    assert weights["difference"] == "by its digest; it is not at hand there"


def test_of_a_crate_without_data_it_is_said_which_crate_would_do(reproduction, tmp_path):
    crate(reproduction, tmp_path / "run.crate.zip")
    assert "a crate made WITH=data, which has the frames" in reproduction(status=5)


def test_a_crate_that_was_tampered_with_is_refused(reproduction, tmp_path):
    path = tmp_path / "run.crate.zip"
    crate(reproduction, path)
    path.write_bytes(path.read_bytes()[:-100])
    assert "run.crate.zip" in reproduction(status=1)


def numbers_of(workspace):
    """What was asked of the engine, by the ingredients of the fingerprint."""
    return json.loads((workspace / ".markers" / "inputs" / "train.json").read_text())["inputs"]["numbers"]


@pytest.mark.slow
def test_the_format_that_auto_chose_is_asked_for_and_nothing_is_measured_anew(reproduction, done):
    done("all", "--numbers=auto", FAKE_NUMBER_FORMAT="bf16")
    reproduction.source = done.workspace

    printed = reproduction(FAKE_NUMBER_FORMAT="bf16")

    assert "reproduced: same bytes" in printed
    assert "differs: numbers" not in printed
    assert (numbers_of(done.workspace), numbers_of(reproduction.own)) == ("auto", "bf16")
    receipt = reproduction.receipt()
    assert receipt["there"]["facts"]["numbers"] == receipt["here"]["facts"]["numbers"] == "bf16"


@pytest.mark.slow
def test_where_the_engine_computes_in_another_format_that_is_the_cause(reproduction, done):
    done("all", "--numbers=auto", FAKE_NUMBER_FORMAT="bf16")
    reproduction.source = done.workspace

    reproduction(FAKE_NUMBER_FORMAT="fp32")

    found = {row["fact"]: (row["there"], row["here"]) for row in reproduction.receipt()["differences"]}
    assert found["number_format"] == ("bf16", "fp32")
    assert (
        "the same bytes are not promised: number_format: bf16 there"
        in (reproduction.receipt()["promised_because"])
    )


def test_what_an_engine_here_can_compute_in_is_known_only_where_it_was_asked():
    wide, narrow = ({"processor": "a", "number_format": one} for one in ("tf32", "fp16"))
    gpu = Computing(numerics=wide, formats={"fp32": wide, "fp16": narrow})

    assert [gpu.lacks(numbers) for numbers in ("auto", "fp32", "bf16", "fp16")] == [False, False, True, False]
    assert not Computing().lacks("bf16")
    assert gpu.with_numbers("fp16")["number_format"] == "fp16"
    assert gpu.with_numbers("auto") == {"processor": "a", "number_format": None}  # only the engine will know
    assert gpu.with_numbers("bf16") == {"processor": None, "number_format": None}
    assert Computing(numerics=wide, formats={"fp32": wide}).with_numbers("auto") == wide
    assert Computing().with_numbers("fp32") == {}


@pytest.mark.slow
def test_a_run_that_took_the_best_checkpoint_takes_it_again(reproduction, jamcam):
    jamcam("--eval", "--checkpoint=best", FAKE_YOLO_V4="train=validate")
    reproduction.source = jamcam.workspace

    printed = reproduction(FAKE_YOLO_V4="train=validate")

    assert "reproduced: same bytes" in printed
    marker = json.loads((reproduction.own / ".markers" / "eval.json").read_text())
    assert marker["argv"][0][marker["argv"][0].index("-m") + 1].endswith("epoch_001.pt")


@pytest.mark.slow
def test_a_run_whose_stages_took_different_checkpoints_is_not_done_again_with_one(reproduction, jamcam):
    jamcam("--all", FAKE_YOLO_V4="train=validate")
    jamcam("--eval", "--checkpoint=best", FAKE_YOLO_V4="train=validate")
    reproduction.source = jamcam.workspace

    printed = reproduction(FAKE_YOLO_V4="train=validate", status=5)

    assert "its stages took different checkpoints: best, then last" in printed
    assert "finish it there with one CHECKPOINT, by `jamcam all`" in printed


@pytest.mark.slow
def test_a_run_whose_anchors_were_found_by_stride_finds_them_so_again(reproduction, jamcam, tmp_path):
    recipe = tmp_path / "finer.toml"
    recipe.write_text('anchors = "by-stride"\n' + (SPECS / "recipes" / "smoke.toml").read_text())
    jamcam("--train", f"--recipe={recipe}")
    reproduction.source = jamcam.workspace

    assert "reproduced: same bytes" in reproduction()
    inputs = json.loads((reproduction.own / ".markers" / "inputs" / "tune-bdb.json").read_text())
    assert inputs["inputs"]["divided"] == "by-stride"
