"""The house's rules: a room imports only from rooms above it, nothing in a circle, and nobody's private names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import stenosis_kit

PACKAGE = Path(stenosis_kit.__file__).parent
ROOMS = (
    "rsna", "base", "tables", "images", "phantom", "levels", "crops", "answers", "graders", "weights", "report", "road",
    "adopt", "doctor", "paper", "kaggle", "commands", "arguments", "cli", "__main__",
)  # fmt: skip
"""In the order in which data passes through them, as README.md draws them."""


def modules(package: Path) -> dict[str, Path]:
    """{dotted name inside the package: file}; a room's __init__ goes by the room's name."""
    found = {".".join(path.relative_to(package).with_suffix("").parts): path for path in package.rglob("*.py")}
    return {name.removesuffix(".__init__"): path for name, path in found.items() if name != "__init__"}


def imports(path: Path, known: set[str]) -> Iterator[tuple[str, str]]:
    """(module, name) of everything that a file imports from the package, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (
                (each.name.partition(".")[2], "") for each in node.names if each.name.startswith("stenosis_kit.")
            )
        elif isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").split(".")[0] == "stenosis_kit"):
            assert not node.level, f"{path}: a relative import"
            module = node.module.partition(".")[2]
            for each in node.names:
                inner = f"{module}.{each.name}".lstrip(".")
                yield (inner, "") if inner in known else (module, each.name)


def room(module: str) -> str:
    return module.partition(".")[0]


def offences(package: Path, rooms: tuple[str, ...]) -> list[str]:
    """Every import that breaks a rule, in words."""
    known = modules(package)
    graph = {name: {(m, n) for m, n in imports(path, set(known)) if m} for name, path in known.items()}
    found = [f"{name}: no such room" for name in known if room(name) not in rooms]
    for name, wanted in graph.items():
        for module, symbol in wanted:
            if room(name) in rooms and rooms.index(room(module)) > rooms.index(room(name)):
                found.append(f"{name} imports {module}, which lies below it")
            if symbol.startswith("_") and module != name:
                found.append(f"{name} reaches into {module} for {symbol}")
    return found + [f"a circle: {' -> '.join(circle)}" for circle in circles(graph)]


def circles(graph: dict[str, set[tuple[str, str]]]) -> list[list[str]]:
    """Circles of imports, one for each module at which a walk along imports comes back to itself."""
    found, done = [], set()

    def walk(module: str, way: list[str]) -> None:
        if module in way:
            found.append([*way[way.index(module) :], module])
        elif module not in done:
            for other in sorted({m for m, _ in graph.get(module, ())}):
                walk(other, [*way, module])
            done.add(module)

    for module in sorted(graph):
        walk(module, [])
    return found


def test_every_import_follows_the_order_of_the_rooms() -> None:
    assert offences(PACKAGE, ROOMS) == []


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"a/x.py": "", "b/y.py": "from stenosis_kit.a.x import thing"}, None),
        (
            {"a/x.py": "def f():\n    from stenosis_kit.b import y", "b/y.py": ""},
            "a.x imports b.y, which lies below it",
        ),
        ({"a/x.py": "import stenosis_kit.b.y", "b/y.py": ""}, "a.x imports b.y, which lies below it"),
        ({"a/x.py": "", "b/y.py": "from stenosis_kit.a.x import _thing"}, "b.y reaches into a.x for _thing"),
        (
            {"a/x.py": "from stenosis_kit.a.y import f", "a/y.py": "from stenosis_kit.a.x import g"},
            "a circle: a.x -> a.y -> a.x",
        ),
        ({"c/z.py": ""}, "c.z: no such room"),
    ],
    ids=["down the road", "back, inside a function", "back, as a module", "a private name", "a circle", "a new room"],
)
def test_each_rule_finds_what_breaks_it(tmp_path: Path, files: dict[str, str], found: str | None) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert offences(tmp_path, ("a", "b")) == ([found] if found else [])


def test_the_readme_draws_the_rooms_in_their_order() -> None:
    text = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")
    drawn = text[text.index("\nstenosis_kit/\n") :]
    places = [drawn.index(f"\n  {name}") for name in ROOMS if name not in ("arguments", "cli", "commands", "__main__")]
    assert places == sorted(places)
