"""Imports point strictly downwards, and the packages do not know each other."""

FLOORS = {
    "harness": {
        5: {"cli", "__main__", "generate_val_dataset", "platforms", "benchmarking"},
        4: {"stages"},
        3: {"execute"},
        2: {"command", "store", "probe", "report"},
        1: {"domain"},
        0: {"errors", "units", "files"},
    },
    "made_frames": {
        7: {"__main__"},
        6: {"archive"},
        5: {"frame"},
        4: {"light"},
        3: {"scene", "optics"},
        2: {"backdrop", "traffic", "overlay"},
        1: {"site", "vehicles", "people"},
        0: {"geometry", "moment", "palette", "solids"},
    },
    "yolo_v4": {
        5: {"cli", "__main__", "flags"},
        4: {"commands"},
        3: {"training", "scoring", "deploy"},
        2: {"data", "network"},
        1: {"spec"},
        0: {"errors", "boxes", "status", "phases", "progress", "files"},
    },
}
# On the top and the ground floor there is one room; elsewhere rooms of a floor do not know each other.
OPEN_FLOORS = {5, 0}


def floor(package, room):
    for number, rooms in FLOORS[package].items():
        if room in rooms:
            return number
    raise AssertionError(f"{package}/{room} stands on no floor: add it to FLOORS, or move it")


def own_imports(module):
    """(imported dotted name, room) of what the module imports from its own package."""
    for name in module.imports():
        package, _, rest = name.partition(".")
        if package == module.package and rest and rest != "__version__":
            yield name, rest.split(".")[0]


def test_every_room_stands_on_a_floor(modules):
    for module in modules:
        if module.room != "__init__":
            floor(module.package, module.room)


def test_imports_point_strictly_downwards(modules):
    offences = []
    for module in modules:
        for name, room in own_imports(module):
            here, there = floor(module.package, module.room), floor(module.package, room)
            same = module.room == room or (here == there and here in OPEN_FLOORS)
            if there >= here and not same:
                offences.append(f"{module.name} (floor {here}) imports {name} (floor {there})")
    assert offences == []


def test_the_packages_do_not_import_each_other(modules):
    offences = [
        f"{module.name} imports {name}"
        for module in modules
        for name in module.imports()
        if name.split(".")[0] in FLOORS and name.split(".")[0] != module.package
    ]
    assert offences == []


def test_only_the_detector_knows_torch(modules):
    offences = [
        f"{module.name} imports {name}"
        for module in modules
        for name in module.imports()
        if module.package != "yolo_v4" and name.split(".")[0] in {"torch", "onnx", "onnxruntime"}
    ]
    assert offences == []


def test_only_stages_know_luigi(modules):
    offences = [
        f"{module.name} imports {name}"
        for module in modules
        for name in module.imports()
        if name.split(".")[0] == "luigi" and (module.package, module.room) != ("harness", "stages")
    ]
    assert offences == []


def test_packages_are_opened_by_a_docstring_only(own_modules):
    for module in own_modules:
        if module.path.name == "__init__.py":
            statements = [type(node).__name__ for node in module.tree.body]
            # The package's own also says its version, where something is recorded with it.
            top = module.room == "__init__" and module.package != "made_frames"
            assert statements == (["Expr", "Assign"] if top else ["Expr"]), module.name
