"""The bridge to Temporal's core and its protocol buffers, as files that tools/bazel/bridge made with cargo and protoc."""

load("@rules_cc//cc:defs.bzl", "cc_library")
load("//tools/bazel:wellhead.bzl", "TEMPORAL_ONLY")

def temporal_bridge(name, made, visibility):
    """The crate as a static library; include/temporal_bridge.h is its interface.

    Args:
      name: of the library
      made: the files below made/
      visibility: of the library
    """
    if not made:
        # buildifier: disable=print
        print("library/orchestration/temporal/bridge: not made, so programs are built without the engine on Temporal; " +
              "tools/bazel/bridge makes it, for --config=temporal")
    cc_library(
        name = name,
        srcs = [file for file in made if file.endswith(".a")],
        hdrs = ["include/temporal_bridge.h"],
        linkopts = [
            "-pthread",
            "-lm",
            "-ldl",
            "-lgcc_s",
            "-Wl,--gc-sections",
        ],
        target_compatible_with = TEMPORAL_ONLY,
        visibility = visibility,
    )

def temporal_protos(name, made, visibility):
    """C++ of Temporal's protocol buffers.

    Args:
      name: of the library
      made: the files below made/
      visibility: of the library
    """
    cc_library(
        name = name,
        srcs = [file for file in made if file.endswith(".pb.cc")],
        hdrs = [file for file in made if file.endswith(".pb.h")],
        # Generated code is not held to our warnings, and is not worth the time of optimising it.
        copts = ["-w"] + select({
            "//tools/bazel:optimized": ["-O1"],
            "//conditions:default": ["-O0"],
        }),
        includes = ["made/protos_cc"],
        linkstatic = True,
        target_compatible_with = TEMPORAL_ONLY,
        visibility = visibility,
        deps = ["@system//:protobuf"],
    )
