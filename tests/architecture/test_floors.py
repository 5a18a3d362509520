"""Imports point strictly downwards, and the packages do not import each other.

Each package is a house, drawn below from the roof to the ground: a line is a floor. Rooms with `|` between
them do not import each other; rooms with `,` between them are files of one floor, which may.
"""

HOUSES = {
    "harness": """
        cli, __main__, generate_val_dataset
        verbs
        report
        reproduce
        measure
        queue | stages
        engine
        workspace | data
        settings
        process
        errors, answer, verdict, units, files, clock, text, own_files, code_version, packages, progress
    """,
    "probe": """
        cli, __main__
        run
        sampler | describe | dmon | summary
        tuning
        gpu_metrics | host
        gpu
        cgroup, metric, samples, log_text, table, errors
    """,
    "made_frames": """
        __main__
        archive
        frame
        light
        scene | optics
        backdrop | traffic | overlay
        site | vehicles | people
        geometry, moment, palette, solids
    """,
    "yolo_v4": """
        cli, __main__, flags
        commands
        prediction
        training | scoring | deploy
        data | network
        spec
        errors, boxes, status, phases, progress, files
    """,
}
# What one package may import of another: the harness reads the files of samples.
SHARED = {("harness", "probe.samples")}


def floors(package):
    """{room: (height, rooms of its floor that it may import)}; 0 is the ground."""
    lines = [line.strip() for line in HOUSES[package].strip().splitlines()]
    found = {}
    for height, line in enumerate(reversed(lines)):
        for group in line.split("|"):
            rooms = [room.strip() for room in group.split(",")]
            found.update({room: (height, set(rooms)) for room in rooms})
    return found


def own_imports(module):
    """(imported dotted name, room) of what the module imports from its own package."""
    for name in module.imports():
        package, _, rest = name.partition(".")
        if package == module.package and rest and rest != "__version__":
            yield name, rest.split(".")[0]


def test_every_room_stands_on_a_floor(modules):
    homeless = {
        f"{module.package}/{module.room}"
        for module in modules
        if module.room not in {"__init__", *floors(module.package)}
    }
    assert homeless == set(), "add the room to HOUSES, or move it"


def test_imports_point_strictly_downwards(modules):
    offences = []
    for module in modules:
        house = floors(module.package)
        for name, room in own_imports(module):
            height, beside = house[module.room]
            if room != module.room and house[room][0] >= height and room not in beside:
                offences.append(f"{module.name} imports {name}")
    assert offences == []


def test_the_packages_do_not_import_each_other(modules):
    offences = [
        f"{module.name} imports {name}"
        for module in modules
        for name in module.imports()
        if name.split(".")[0] in HOUSES and name.split(".")[0] != module.package
        if not any((module.package, part) in SHARED for part in (name, name.rpartition(".")[0]))
    ]
    assert offences == []


def test_only_the_detector_imports_torch(modules):
    offences = [
        f"{module.name} imports {name}"
        for module in modules
        for name in module.imports()
        if module.package != "yolo_v4" and name.split(".")[0] in {"torch", "onnx", "onnxruntime"}
    ]
    assert offences == []


def test_one_module_imports_luigi_and_it_is_imported_when_a_stage_has_to_run(modules):
    offences = [
        f"{module.name} imports {name}"
        for module in modules
        for name in module.imports()
        if name.split(".")[0] == "luigi" and module.name != "harness/stages/scheduling.py"
    ]
    assert offences == []


def test_packages_are_opened_by_a_docstring_only(own_modules):
    for module in own_modules:
        if module.path.name == "__init__.py":
            statements = [type(node).__name__ for node in module.tree.body]
            # The package's own also says its version, where something is recorded with it.
            top = module.room == "__init__" and module.package not in {"made_frames", "probe"}
            assert statements == (["Expr", "Assign"] if top else ["Expr"]), module.name
