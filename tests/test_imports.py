"""Imports run as the pictures in CONTRIBUTING.md are drawn."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path
from xml.etree import ElementTree

import pytest

import skviann
from skviann import _lazy

PACKAGE = Path(skviann.__file__).parent
PICTURES = Path(__file__).parents[1] / "docs" / "images"

pytestmark = pytest.mark.skipif(
    not PICTURES.exists(), reason="pictures are not a part of the installed package"
)


def imported(path):
    """Yield the modules of skviann that one imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom) or node.level:
            continue
        for alias in node.names:
            if node.module == "skviann._lazy":
                yield "skviann._lazy"
                yield getattr(_lazy, alias.name).__name__
            elif (node.module or "").startswith("skviann"):
                yield f"{node.module}.{alias.name}"


@pytest.mark.parametrize("picture", ["architecture", "search"])
def test_imports_run_along_the_arrows(picture):
    root = ElementTree.parse(PICTURES / f"{picture}.svg").getroot()
    drawn = root.attrib["data-package"]
    rooms = {
        module: element.attrib["id"]
        for element in root.iter()
        for module in element.attrib.get("data-modules", "").split()
    }
    arrows = {
        (element.attrib["data-from"], element.attrib["data-to"])
        for element in root.iter()
        if "data-from" in element.attrib
    }
    inside = PACKAGE.parent / drawn
    modules = {
        path.stem
        for path in inside.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert set(rooms) == modules - {"__init__"}

    found = set()
    prefix = drawn.replace("/", ".") + "."
    for path in inside.rglob("*.py"):
        room = rooms.get(path.relative_to(inside).parts[0].removesuffix(".py"))
        for name in imported(path):
            if room and name.startswith(prefix):
                other = rooms.get(name.removeprefix(prefix).split(".")[0])
                found |= {(room, other)} if other not in (None, room) else set()
    assert found >= arrows, "an arrow without an import"

    below = {room: {b for a, b in arrows if a == room} for room in rooms.values()}
    for room in TopologicalSorter(below).static_order():  # no circle
        below[room] = below[room].union(*(below[other] for other in below[room]))
    missing = {(a, b) for a, b in found if b not in below[a]}
    assert not missing, "an import that no arrows lead along"


def test_the_door_is_the_only_way_to_keras():
    """Modules that load when skviann is imported take Keras from `_lazy`."""
    light = [
        path
        for path in PACKAGE.rglob("*.py")
        if not {"layers", "wrappers"} & set(path.relative_to(PACKAGE).parts)
        and path.stem not in ("callbacks", "_first_layers", "_seeding", "_graph")
    ]
    assert len(light) > 30
    for path in light:
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            heads = {name.partition(".")[0] for name in names}
            assert not heads & {"keras", "tensorflow", "scikeras"}, path
