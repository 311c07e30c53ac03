"""What may see a library in Bazel must be what tools/lint/layering lets include it."""

import importlib.machinery
import types


def layering(root):
    loader = importlib.machinery.SourceFileLoader("layering", str(root / "tools/lint/layering"))
    module = types.ModuleType("layering")
    loader.exec_module(module)
    return module


def seen_by(visibility, folder):
    for pattern in visibility:
        place, _, kind = pattern[2:].partition(":")
        if place == folder or kind == "__subpackages__" and (place == "" or folder.startswith(place + "/")):
            return True
    return False


def allowed(table, row, other):
    """Whether sources of `other` that are no tests may include those of `row`."""
    if any(table.within(other, one) and any(table.within(row, ban) for ban in bans) for one, bans in table.FORBIDDEN.items()):
        return False
    return row == other or any(table.within(row, one) for one in table.ALLOWED[other])


def problems(root, targets):
    table = layering(root)
    row_of = lambda folder: table.row_of(folder + "/x")  # noqa: E731
    folders = {one["folder"] for one in targets}
    needed_by_tests = {(name, one["folder"]) for one in targets if one["tests"] for name in one["dependencies"]}
    for target in targets:
        row = row_of(target["folder"])
        if row is None or target["tests"] or target["kind"] != "library":
            continue
        for folder in sorted(folders - {target["folder"]}):
            other = row_of(folder)
            if other is None or not seen_by(target["visibility"], folder):
                continue
            if not allowed(table, row, other) and (target["name"], folder) not in needed_by_tests:
                yield f"{target['name']}: {folder} may see it, but tools/lint/layering does not let {other} include {row}"
