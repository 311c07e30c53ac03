"""Evaluates the repository's BUILD.bazel, which are a subset of Python, with stand-ins for the rules of tools/bazel."""

import fnmatch
import pathlib
import re
import subprocess

MACRO = re.compile(r"WELLHEAD_\w+")


def listed(root, pattern):
    """Files that git tracks, or would."""
    done = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern], cwd=root, check=True,
                          capture_output=True, text=True)
    return sorted(one for one in set(done.stdout.split("\n")) if one and (root / one).is_file())


def folders_without(root):
    """Folders that CMake knows and Bazel does not."""
    bazel = {str(pathlib.Path(one).parent) for one in listed(root, "*BUILD.bazel")}
    cmake = {str(pathlib.Path(one).parent) for one in listed(root, "*CMakeLists.txt")}
    return sorted(cmake - bazel)


def headers_without(root, targets):
    """Headers that no target of Bazel declares, so that it would refuse to include them."""
    declared = {source for target in targets for source in target["sources"]}
    return sorted(one for one in listed(root, "*.h") if one not in declared)


def select(choices):
    """With the engine on Temporal, and tests' fail points: as compare configures CMake."""
    return choices.get("//tools/bazel:temporal", choices["//conditions:default"])


class Folder:
    """One BUILD.bazel while it is evaluated."""

    def __init__(self, root, folder, subfolders):
        self.root, self.folder, self.subfolders = root, folder, subfolders
        self.targets, self.groups = [], {}

    def glob(self, include, exclude=(), allow_empty=False):
        found = []
        base = self.root / self.folder
        for pattern in include:
            for path in base.glob(pattern):
                below = path.relative_to(base).as_posix()
                other = any((base / below).is_relative_to(self.root / one) for one in self.subfolders)
                if path.is_file() and not other and not any(fnmatch.fnmatch(below, one) for one in exclude):
                    found.append(below)
        if not found and not allow_empty:
            raise ValueError(f"{self.folder}/BUILD.bazel: nothing matches {include}")
        return sorted(set(found))

    def add(self, kind, name, srcs=(), hdrs=(), deps=(), embed=(), programs=(), defines=(), local_defines=(), visibility=(),
            testonly=False, **_):
        self.targets.append({
            "name": name, "kind": kind, "folder": self.folder, "raw_sources": list(srcs) + list(hdrs),
            "embedded": [symbol + ".cc" for symbol in embed], "visibility": list(visibility),
            "macros": [MACRO.match(one).group() for one in [*defines, *local_defines, *programs] if MACRO.match(one)],
            "raw_dependencies": list(deps), "tests": testonly or kind in ("tests", "benchmark", "fuzz"),
        })

    def tests(self, deps=(), local_defines=(), **attributes):
        self.add("tests", deps=[*deps, "//tests/fixture:wellhead_fixture_headers", "@system//:gmock", "@system//:gtest_main"],
                 local_defines=[*local_defines, "WELLHEAD_SOURCE_DIR", "WELLHEAD_BINARY_DIR"], **attributes)

    def measured(self, kind, more, deps=(), **attributes):
        self.add(kind, deps=[*deps, *more], local_defines=["WELLHEAD_SOURCE_DIR"], **attributes)

    def binary(self, srcs=(), chosen_srcs=(), **attributes):
        self.add("binary", srcs=[*srcs, *chosen_srcs], **attributes)

    def pages(self, missing, header, **attributes):
        # As compare configures CMake: without npm.
        self.add("library", srcs=[missing], hdrs=[header], visibility=attributes["visibility"], name=attributes["name"])

    def group(self, name, srcs=(), **_):
        self.groups[name] = list(srcs)

    def names(self):
        """What a BUILD.bazel may call."""
        nothing = lambda *_, **__: None  # noqa: E731
        return {
            "load": nothing, "package": nothing, "exports_files": nothing, "wellhead_sources": nothing, "sh_test": nothing,
            "sh_binary": nothing, "config_setting": nothing, "constraint_setting": nothing, "constraint_value": nothing,
            "image_archive": nothing, "glob": self.glob, "select": select, "filegroup": self.group,
            "cc_library": lambda **all_: self.add("library", **all_),
            "wellhead_library": lambda **all_: self.add("library", **all_), "wellhead_binary": self.binary,
            "wellhead_tests": self.tests,
            "wellhead_benchmark": lambda **all_: self.measured("benchmark", ["@system//:benchmark"], **all_),
            "wellhead_fuzz": lambda **all_: self.measured("fuzz", [], **all_),
            "migration_symbols": lambda files: {"wellhead_migration_" + pathlib.Path(one).stem: one for one in files},
            "known_migrations": lambda name, symbols: self.group(name, [name + ".cc"]),
            "docs_assets": lambda **all_: self.pages("docs_assets_missing.cc", "docs_assets.h", **all_),
            "dashboard": lambda **all_: self.pages("dashboard_missing.cc", "dashboard.h", **all_),
            "temporal_bridge": lambda **all_: self.add("library", hdrs=["include/temporal_bridge.h"], **all_),
            "temporal_protos": lambda **all_: self.add("library", **all_),
            "TEMPORAL_ONLY": [], "FAIL_POINTS_ONLY": [],
        }


def resolved(folder, folders, source):
    """A source's path from the root, or the paths of a group's; what a rule writes has only a name."""
    if source.startswith("//") or source.startswith(":"):
        where, _, name = source.rpartition(":")
        owner = folders[where[2:] if where else folder.folder]
        inner = owner.groups[name]
        return [one for source in inner for one in resolved(owner, folders, source)]
    written = folder.root / folder.folder / source
    return [f"{folder.folder}/{source}"] if written.is_file() else [source]


def dependency(label):
    name = label.rpartition(":")[2]
    return "@" + name if label.startswith("@system//") else name


def evaluate(root):
    """All targets of the folders that CMake knows too, and of third_party."""
    paths = [pathlib.Path(one) for one in listed(root, "*BUILD.bazel")]
    names = [str(one.parent) for one in paths]
    folders = {}
    for path in paths:
        name = str(path.parent)
        if name.startswith("third_party/"):
            continue
        subfolders = [one for one in names if one != name and (name == "." or one.startswith(name + "/"))]
        folder = Folder(root, name, subfolders)
        exec(compile((root / path).read_text(), str(path), "exec"), folder.names())  # noqa: S102
        folders[name] = folder
    targets = []
    for folder in folders.values():
        for target in folder.targets:
            sources = [one for source in target["raw_sources"] for one in resolved(folder, folders, source)]
            target["sources"] = sources + target["embedded"]
            target["dependencies"] = [dependency(one) for one in target["raw_dependencies"]]
            targets.append(target)
    return targets
