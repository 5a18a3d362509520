"""Every module is imported by a test, or a line here says which test goes through it."""

import ast
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

# Module -> the test that runs it without importing it.
TESTED_THROUGH: dict[str, str] = {
    "harness/answer.py": "tests/harness/verbs/test_json.py",
    "harness/data/over_http.py": "tests/harness/data/test_fetch.py",
    "harness/data/partial.py": "tests/harness/data/test_fetch.py",
    "harness/measure/recording.py": "tests/harness/measure/test_recording.py",
    "harness/__main__.py": "tests/system/test_nine_stages.py",
    "harness/measure/bench.py": "tests/harness/measure/test_bench.py",
    "harness/queue/in_job.py": "tests/system/test_queue.py",
    "harness/verbs/crate.py": "tests/harness/verbs/test_crate.py",
    "harness/reproduce/crate_check.py": "tests/harness/reproduce/test_crate.py",
    "harness/reproduce/crate_extras.py": "tests/harness/verbs/test_crate.py",
    "harness/verbs/data.py": "tests/harness/verbs/test_data.py",
    "harness/verbs/measure.py": "tests/harness/measure/test_bench.py",
    "harness/verbs/predict.py": "tests/harness/verbs/test_predict.py",
    "harness/verbs/records.py": "tests/harness/verbs/test_records.py",
    "harness/report/overview/text_scores.py": "tests/harness/report/overview/test_text.py",
    "harness/report/overview/workspace_facts.py": "tests/harness/report/overview/test_gather.py",
    "harness/verbs/report.py": "tests/harness/verbs/test_report.py",
    "harness/reproduce/adopt.py": "tests/harness/reproduce/test_reproduction.py",
    "harness/reproduce/foretell.py": "tests/harness/reproduce/test_reproduction.py",
    "harness/reproduce/reproduction.py": "tests/harness/reproduce/test_reproduction.py",
    "harness/verbs/reproduce.py": "tests/harness/reproduce/test_reproduction.py",
    "harness/stages/made_with.py": "tests/harness/reproduce/test_sameness.py",
    "harness/stages/experiment.py": "tests/harness/stages/test_workflow.py",
    "probe/__main__.py": "tests/probe/test_cli.py",
    "yolo_v4/__main__.py": "tests/yolo_v4/test_cli.py",
    "yolo_v4/boxes.py": "tests/yolo_v4/golden/test_decode.py",
    "yolo_v4/commands/check_spec.py": "tests/yolo_v4/commands/test_check_spec.py",
    "yolo_v4/commands/compare.py": "tests/yolo_v4/commands/test_compare.py",
    "yolo_v4/commands/dataset_convert.py": "tests/yolo_v4/commands/test_dataset_convert.py",
    "yolo_v4/commands/evaluate.py": "tests/yolo_v4/commands/test_evaluate.py",
    "yolo_v4/commands/export.py": "tests/yolo_v4/commands/test_export.py",
    "yolo_v4/commands/inference.py": "tests/yolo_v4/commands/test_inference.py",
    "yolo_v4/commands/kmeans.py": "tests/yolo_v4/commands/test_kmeans.py",
    "yolo_v4/commands/numerics.py": "tests/yolo_v4/commands/test_numerics.py",
    "yolo_v4/commands/predict.py": "tests/yolo_v4/commands/test_predict.py",
    "yolo_v4/prediction/tables.py": "tests/yolo_v4/commands/test_predict.py",
    "yolo_v4/prediction/work.py": "tests/yolo_v4/commands/test_predict.py",
    "yolo_v4/commands/train.py": "tests/yolo_v4/commands/test_train.py",
    "yolo_v4/data/convert.py": "tests/yolo_v4/golden/test_dataset_convert.py",
    "yolo_v4/data/narrator.py": "tests/yolo_v4/golden/test_dataset_convert.py",
    "yolo_v4/deploy/onnx.py": "tests/yolo_v4/commands/test_export.py",
    "yolo_v4/deploy/quantise.py": "tests/yolo_v4/commands/test_export.py",
    "yolo_v4/files.py": "tests/yolo_v4/data/test_tfrecord.py",
    "yolo_v4/network/blocks.py": "tests/yolo_v4/golden/test_network.py",
    "yolo_v4/network/device.py": "tests/yolo_v4/commands/test_evaluate.py",
    "yolo_v4/network/neck.py": "tests/yolo_v4/golden/test_network.py",
    "yolo_v4/network/resnet.py": "tests/yolo_v4/golden/test_network.py",
    "yolo_v4/scoring/evaluator.py": "tests/yolo_v4/commands/test_evaluate.py",
    "yolo_v4/spec/checks.py": "tests/yolo_v4/golden/test_specs.py",
    "yolo_v4/spec/extension.py": "tests/yolo_v4/spec/test_extension.py",
    "yolo_v4/spec/own_checks.py": "tests/yolo_v4/spec/test_own_checks.py",
    "yolo_v4/spec/text.py": "tests/yolo_v4/spec/test_load.py",
    "yolo_v4/training/trainer.py": "tests/yolo_v4/commands/test_train.py",
    "yolo_v4/training/visualizer.py": "tests/yolo_v4/training/test_visualizer.py",
    "yolo_v4/network/heap.py": "tests/yolo_v4/network/test_heap.py",
}

# Folders of tests that stand for a source of expected values, not for a room.
OTHER_FOLDERS = {"tests/yolo_v4/golden"}


def names_imported_by_tests():
    names = set()
    for path in (CHECKOUT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module)
                names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def dotted(module):
    return module.name.removesuffix(".py").replace("/", ".")


def test_every_module_is_tested(own_modules):
    tested = names_imported_by_tests()
    untested = [
        module.name
        for module in own_modules
        if module.path.name != "__init__.py"
        and dotted(module) not in tested
        and module.name not in TESTED_THROUGH
    ]
    assert untested == []


def test_what_is_tested_through_another_names_a_test_that_is_there(own_modules):
    names = {module.name for module in own_modules}
    for module, test in TESTED_THROUGH.items():
        assert module in names, f"{module} is gone: take its line away"
        assert (CHECKOUT / test).exists(), f"{test} is gone: {module} needs another test"


def test_folders_of_tests_mirror_the_packages():
    folders = {test.parent.relative_to(CHECKOUT) for test in (CHECKOUT / "tests").rglob("*/*/test_*.py")}
    strangers = [
        folder.as_posix()
        for folder in sorted(folders)
        if not (CHECKOUT / folder.relative_to("tests")).is_dir() and folder.as_posix() not in OTHER_FOLDERS
    ]
    assert strangers == []
