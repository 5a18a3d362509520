"""What a stranger's file could use to run code is not used anywhere."""

import ast


def calls(module):
    """(dotted name of the callee, call) of every call in the module."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_nothing_unpickles(own_modules):
    unpicklers = ("pickle.", "cPickle.", "dill.", "joblib.", "shelve.", "marshal.")
    offences = [
        f"{module.name}:{call.lineno} calls {name}"
        for module in own_modules
        for name, call in calls(module)
        if name.startswith(unpicklers)
    ]
    assert offences == []


def test_checkpoints_are_loaded_as_plain_tensors_only(own_modules):
    offences = [
        f"{module.name}:{call.lineno}"
        for module in own_modules
        for name, call in calls(module)
        if name == "torch.load"
        and not any(
            word.arg == "weights_only" and ast.unparse(word.value) == "True" for word in call.keywords
        )
    ]
    assert offences == []


def test_arrays_are_loaded_without_objects(own_modules):
    offences = [
        f"{module.name}:{call.lineno}"
        for module in own_modules
        for name, call in calls(module)
        if name in {"np.load", "numpy.load"}
        and not any(
            word.arg == "allow_pickle" and ast.unparse(word.value) == "False" for word in call.keywords
        )
    ]
    assert offences == []


def test_no_command_goes_through_a_shell(own_modules):
    offences = [
        f"{module.name}:{call.lineno}"
        for module in own_modules
        for name, call in calls(module)
        if name in {"os.system", "os.popen", "eval", "exec"}
        or any(word.arg == "shell" for word in call.keywords)
    ]
    assert offences == []


# The one place; a screen that is redrawn; and a program that starts without the package.
PRINTING = {"harness/text.py", "harness/verbs/watch.py", "harness/process/die_with_parent.py"}


def test_what_the_harness_prints_has_no_control_characters_of_others(own_modules):
    printing = {
        module.name
        for module in own_modules
        if module.package == "harness"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Name) and node.id == "print"
    }
    assert printing == PRINTING
