"""Dialects against the flags of NVIDIA's programs, which the tests' stand-in for them is made from."""

import json
from pathlib import Path

import pytest

from harness.engine import dialect

RELEASES = [("3", "3.21.11"), ("5", "5.0.0")]


@pytest.fixture(scope="module")
def flags(checkout):
    return json.loads((checkout / "tests" / "fakes" / "tao" / "flags.json").read_text())


@pytest.mark.parametrize(("generation", "version"), RELEASES)
def test_a_results_folder_is_given_where_every_sub_command_takes_one(flags, generation, version):
    takers = [task for task, words in flags[generation].items() if "--results_dir" in words]

    assert dialect.tao(version).takes_results_folder == (len(takers) == len(flags[generation]))


@pytest.mark.parametrize(("generation", "version"), RELEASES)
def test_the_key_is_needed_where_a_program_does_not_start_without_it(flags, generation, version):
    assert dialect.tao(version).needs_key == ("*-k,--key" in flags[generation]["train"])


@pytest.mark.parametrize(("generation", "version"), RELEASES)
def test_inference_is_given_separate_folders_where_it_takes_no_results_folder(flags, generation, version):
    assert dialect.tao(version).takes_results_folder == (
        "--out_image_path" not in flags[generation]["inference"]
    )


def test_a_program_without_results_folder_is_given_none():
    assert dialect.TAO_3.results(Path("/a")) is None
    assert dialect.TAO_5.results(Path("/a")) == Path("/a")


def test_files_are_called_as_each_release_calls_them():
    # NVIDIA's user guides: .tlt and .etlt are encrypted with the key; 5.0 writes plain Keras and ONNX files.
    names = {each: (each.checkpoint_suffix, each.export_suffix) for each in (dialect.TAO_3, dialect.TAO_5)}

    assert names == {dialect.TAO_3: (".tlt", ".etlt"), dialect.TAO_5: (".hdf5", ".onnx")}


@pytest.mark.parametrize("version", ["3.21.08", "3.22.05", "30.0"])
def test_a_release_is_told_by_its_major_version(version):
    assert (dialect.tao(version) is dialect.TAO_3) == version.startswith("3.")
