"""No import cycle in `dvm_runtimes`: none at run time, and for types only those that are listed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import dvm_runtimes

ROOT = Path(dvm_runtimes.__file__).parent

MOCK = "dvm_runtimes.engines.mock"
TYPE_CYCLES = {
    (f"{MOCK}.processes", f"{MOCK}.handles"),
    (f"{MOCK}.processes", f"{MOCK}.table"),
    (f"{MOCK}.processes", f"{MOCK}.terminals"),
    (f"{MOCK}.handles", f"{MOCK}.terminals"),
    (f"{MOCK}.runs", f"{MOCK}.containers"),
    (f"{MOCK}.runs", f"{MOCK}.world"),
    (f"{MOCK}.containers", f"{MOCK}.world"),
}
"""Imports below ``if TYPE_CHECKING`` that close a cycle, as importer and imported module; see ARCHITECTURE.md."""

Graph = dict[str, set[str]]


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(file): file for file in ROOT.rglob("*.py")}


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def import_statements(body: list[ast.stmt], *, types: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports that run when the module is loaded; with ``types``, those that only a type checker follows too."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.ClassDef):
            blocks = [node.body, getattr(node, "orelse", []), getattr(node, "finalbody", [])]
            blocks += [handler.body for handler in getattr(node, "handlers", [])]
            for block in blocks[1:] if is_type_checking(node) and not types else blocks:
                yield from import_statements(block, types=types)


def imported(name: str, *, types: bool) -> Iterator[str]:
    """The modules of `dvm_runtimes` that this one imports."""
    package = name if FILES[name].name == "__init__.py" else name.rpartition(".")[0]
    for node in import_statements(ast.parse(FILES[name].read_text(encoding="utf-8")).body, types=types):
        if isinstance(node, ast.Import):
            targets = [one.name for one in node.names]
        else:
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            members = [f"{base}.{one.name}" for one in node.names]
            targets = [member if member in FILES else base for member in members]
        yield from (target for target in targets if target in FILES and target != name)


def graph(*, types: bool) -> Graph:
    return {name: set(imported(name, types=types)) for name in FILES}


def cycle(edges: Graph) -> list[str]:
    """The modules of one cycle, in order; empty where there is none."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return path[path.index(name) :]
        if name in done:
            return []
        for target in sorted(edges[name]):
            if found := visit(target, [*path, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(edges) if (found := visit(name, []))), [])


def test_no_cycle_when_modules_are_loaded() -> None:
    assert cycle(graph(types=False)) == []


def test_no_cycle_for_types_but_the_listed_ones() -> None:
    edges = graph(types=True)
    for importer, target in TYPE_CYCLES:
        edges[importer].discard(target)
    assert cycle(edges) == []


def test_each_listed_import_still_closes_a_cycle() -> None:
    edges = graph(types=True)
    for importer, target in TYPE_CYCLES:
        assert target in edges.get(importer, ()), f"remove it from the list: {importer} does not import {target}"
        edges[importer].discard(target)
    for importer, target in TYPE_CYCLES:
        assert cycle({**edges, importer: edges[importer] | {target}}), f"{importer} -> {target} closes no cycle"


def test_a_cycle_is_found() -> None:
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]
