from harness.engine.request import Engine, Request
from harness.workspace.marker import EngineIdentity

TRAIN = Request(subcommand="train", arguments=("-e", "spec.txt"), results=None)
KMEANS = Request(subcommand="kmeans", arguments=("-n", "9"), results=None)
TAO = EngineIdentity(name="tao", version="3.21.11")


def test_a_program_is_asked_by_its_name():
    engine = Engine(identity=TAO, program="yolo_v4")

    assert engine.argv(TRAIN) == ("yolo_v4", "train", "-e", "spec.txt")


def test_the_model_key_is_put_in_by_a_shell_in_the_container_and_stands_in_no_argument():
    engine = Engine(identity=TAO, program="yolo_v4", prefix=("apptainer", "exec", "x.sif"), passes_key=True)

    shell = ("sh", "-c", 'exec "$0" "$@" -k "$JAMCAM_KEY"')
    assert engine.argv(TRAIN) == ("apptainer", "exec", "x.sif", *shell, "yolo_v4", "train", "-e", "spec.txt")


def test_sub_commands_that_take_no_key_get_none():
    engine = Engine(identity=TAO, program="yolo_v4", passes_key=True)

    assert engine.argv(KMEANS) == ("yolo_v4", "kmeans", "-n", "9")


def test_training_over_several_machines_is_started_by_another_line_and_nothing_else_is():
    engine = Engine(
        identity=TAO, program="yolo_v4", prefix=("python", "-m"), multi_node_prefix=("srun", "python", "-m")
    )

    assert engine.argv(TRAIN)[:3] == ("srun", "python", "-m")
    assert engine.argv(KMEANS)[:2] == ("python", "-m")
