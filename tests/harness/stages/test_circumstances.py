import json

from harness.stages.circumstances import circumstances


def test_a_request_tells_the_part_of_the_machine_and_the_settings_with_their_origins(settings):
    told = circumstances(settings(epochs="3"))
    assert told["cores"] >= 1
    assert (told["gpus"], told["machines"]) == (1, 1)
    assert told["settings"]["epochs"] == {"value": "3", "origin": "command line"}
    assert told["settings"]["seed"]["origin"] == "recipe smoke"


def test_neither_addresses_nor_paths_of_a_user_are_told(settings, tmp_path):
    told = circumstances(settings(workspace=str(tmp_path / "secret"), pretrained="https://me:word@host/w.pt"))
    assert {"workspace", "pretrained", "image", "account"}.isdisjoint(told["settings"])
    assert str(tmp_path) not in json.dumps(told)
