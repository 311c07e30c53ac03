"""What cmake/targets.cmake is for CMake: the rules of the folders' BUILD.bazel, with the same names.

`tools/bazel/compare` holds both builds against each other; its stand-ins take the same parameters.
"""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")
load("//tools/bazel:embed.bzl", "embedded_source", "written_source")

# As in cmake/compiler.cmake: what tests run compiles in half of the time, and runs at a bearable speed.
_COPTS = select({
    "//tools/bazel:optimized": [],
    "//conditions:default": ["-O1"],
})

# For what is built with --config=temporal alone.
TEMPORAL_ONLY = select({
    "//tools/bazel:temporal": [],
    "//conditions:default": ["//tools/bazel:unavailable"],
})

# For what needs the places at which a test kills the process (library/meta/fail_point.h).
FAIL_POINTS_ONLY = select({
    "//tools/bazel:optimized": ["//tools/bazel:unavailable"],
    "//conditions:default": [],
})

# Tests run in their runfiles, whose root looks like the repository's.
_TEST_DEFINES = [
    'WELLHEAD_SOURCE_DIR=\\".\\"',
    'WELLHEAD_BINARY_DIR=\\".\\"',
]

def _path_of(label):
    """Where a target of this repository, or a file of it, lies in runfiles: //app/wellhead:wellhead is app/wellhead/wellhead."""
    return label[2:].replace(":", "/")

def _programs(programs):
    return ['%s=\\"%s\\"' % (name, _path_of(label)) for name, label in programs.items()]

def _embed(embed):
    for symbol, file in embed.items():
        embedded_source(
            name = symbol,
            file = file,
            symbol = symbol,
        )
    return [":" + symbol for symbol in embed]

_AT_ONCE = 8

def _several_at_once(name, srcs):
    """Sources that include those of srcs, _AT_ONCE each, for --config=once; those that rules make stay as they are."""
    written = [source for source in srcs if not source.startswith(":")]
    batches = [source for source in srcs if source.startswith(":")]
    if len(written) < 2:
        return srcs
    for first in range(0, len(written), _AT_ONCE):
        batch = "%s_batch_%d" % (name, first // _AT_ONCE)
        written_source(
            name = batch,
            content = "".join([
                '#include "%s/%s"\n' % (native.package_name(), source)
                for source in written[first:first + _AT_ONCE]
                if not source.endswith(".h")
            ]),
            source = batch + ".cc",
        )
        batches.append(":" + batch)
    return batches

def _compiled(name, srcs):
    """What the compiler gets of the sources, and what it reads besides."""
    return {
        "srcs": select({
            "//tools/bazel:once": _several_at_once(name, srcs),
            "//conditions:default": srcs,
        }),
        "textual": select({
            "//tools/bazel:once": [source for source in srcs if not source.startswith(":")],
            "//conditions:default": [],
        }),
    }

def wellhead_library(
        name,
        srcs,
        hdrs = [],
        deps = [],
        embed = {},
        programs = {},
        data = [],
        copts = [],
        local_defines = [],
        **attributes):
    """A static library of one folder.

    Args:
      name: as in CMake
      srcs: its sources
      hdrs: its headers, included from the repository's root
      deps: what it needs
      embed: symbol -> file, whose bytes become part of it (wellhead_embed of CMake)
      programs: macro -> label of a program or script that it starts; the macro is its path
      data: more files that it reads when it runs
      copts: options of its own
      local_defines: macros of its own
      **attributes: visibility, testonly, defines …
    """
    compiled = _compiled(name, srcs)
    cc_library(
        name = name,
        srcs = compiled["srcs"] + _embed(embed),
        hdrs = hdrs,
        copts = _COPTS + copts,
        data = data + programs.values(),
        linkstatic = True,
        local_defines = local_defines + _programs(programs),
        textual_hdrs = compiled["textual"] + embed.values(),
        deps = deps,
        **attributes
    )

def wellhead_binary(
        name,
        srcs,
        deps = [],
        chosen_srcs = [],
        programs = {},
        data = [],
        copts = [],
        local_defines = [],
        **attributes):
    """A program. Its parameters are those of wellhead_library, and chosen_srcs: a select() of sources."""
    headers = [source for source in srcs if source.endswith(".h")]
    compiled = _compiled(name, [source for source in srcs if source not in headers])

    # cc_binary itself takes no sources that are only read.
    cc_library(
        name = name + "_batch_text",
        testonly = attributes.get("testonly", False),
        textual_hdrs = compiled["textual"],
    )
    cc_binary(
        name = name,
        srcs = headers + compiled["srcs"] + chosen_srcs,
        copts = _COPTS + copts,
        data = data + programs.values(),
        local_defines = local_defines + _programs(programs),
        deps = deps + [":" + name + "_batch_text"],
        **attributes
    )

def wellhead_tests(
        name,
        srcs,
        deps,
        label = "unit",
        timeout = "long",
        programs = {},
        data = [],
        local_defines = [],
        tags = [],
        **attributes):
    """One GoogleTest program. Its label, which is also a tag, says what it needs; `bazel test` starts it under with_servers.

    Args:
      name: as in CMake
      srcs: its sources, and headers that only tests need
      deps: what it tests
      label: unit, pg, fhirsim, s3, temporal
      timeout: as Bazel calls it
      programs: macro -> label of a program or script that it starts
      data: more files that it reads, below WELLHEAD_SOURCE_DIR
      local_defines: macros of its own
      tags: more tags
      **attributes: those of cc_test
    """
    cc_test(
        name = name,
        srcs = srcs,
        copts = _COPTS,
        data = data + programs.values(),
        env = {"WELLHEAD_TEST_LABEL": label},
        linkstatic = True,
        local_defines = _TEST_DEFINES + local_defines + _programs(programs),
        tags = [label] + tags,
        timeout = timeout,
        deps = deps + [
            "//tests/fixture:wellhead_fixture_headers",
            "@system//:gmock",
            "@system//:gtest_main",
        ],
        **attributes
    )

def wellhead_benchmark(name, srcs, deps, copts = []):
    """A Google Benchmark program; run it with `bazel run -c opt`."""
    cc_binary(
        name = name,
        testonly = True,
        srcs = srcs,
        copts = _COPTS + copts,
        local_defines = _TEST_DEFINES[:1],
        deps = deps + ["@system//:benchmark"],
    )

def wellhead_fuzz(name, srcs, deps):
    """A libFuzzer program, for clang: `bazel build --config=fuzz` and its name."""
    cc_binary(
        name = name,
        testonly = True,
        srcs = srcs,
        copts = _COPTS,
        linkopts = ["-fsanitize=fuzzer"],
        local_defines = _TEST_DEFINES[:1],
        tags = [
            "fuzz",
            "manual",
        ],
        deps = deps,
    )

def wellhead_sources():
    """The folder's sources as `:sources`, for the test that reads them all."""
    native.filegroup(
        name = "sources",
        testonly = True,
        srcs = native.glob(
            [
                "**/*.cc",
                "**/*.h",
            ],
            allow_empty = True,
            exclude = ["**/*_test.cc"],
        ),
        visibility = ["//app/wellhead:__pkg__"],
    )
