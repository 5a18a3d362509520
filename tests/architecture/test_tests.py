"""Every module has a test of its own, or a line here that says where it is tested."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

# Module -> the test that goes through it.
TESTED_THROUGH: dict[str, str] = {}


def own_test(module):
    """Where the test of a module lies: `harness/store/lock.py` is tested by `tests/harness/store/test_lock.py`."""
    folder, _, file = module.name.rpartition("/")
    return CHECKOUT / "tests" / folder / f"test_{file.strip('_')}"


def test_every_module_has_a_test_or_says_where_it_is_tested(own_modules):
    untested = [
        module.name
        for module in own_modules
        if module.path.name != "__init__.py" and not own_test(module).exists() and module.name not in TESTED_THROUGH
    ]
    assert untested == []


def test_what_is_tested_elsewhere_names_a_test_that_is_there(own_modules):
    names = {module.name for module in own_modules}
    for module, test in TESTED_THROUGH.items():
        assert module in names, f"{module} is gone: take its line away"
        assert (CHECKOUT / test).exists(), f"{test} is gone: {module} needs another test"


def test_folders_of_tests_mirror_the_packages():
    strangers = [
        folder.relative_to(CHECKOUT).as_posix()
        for package in ("harness", "yolo_v4")
        for folder in (CHECKOUT / "tests" / package).rglob("*")
        if folder.is_dir()
        and any(folder.glob("test_*.py"))
        and not (CHECKOUT / folder.relative_to(CHECKOUT / "tests")).is_dir()
    ]
    assert strangers == []
