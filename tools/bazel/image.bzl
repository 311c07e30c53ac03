"""Images for `docker load`."""

def image_archive(name, program, tag):
    """NAME.tar, an image with a program and what it needs of this machine.

    Args:
      name: of the rule; the archive is name.tar, or what is before a final _tar
      program: label of the program
      tag: what the image is called
    """
    archive = name[:-len("_tar")] if name.endswith("_tar") else name
    native.genrule(
        name = name,
        srcs = [program],
        outs = [archive + ".tar"],
        cmd = "$(execpath //tools/bazel:image_archive) $(execpath %s) $@ %s" % (program, tag),
        # What ldd says is this machine's.
        tags = [
            "local",
            "no-cache",
        ],
        tools = ["//tools/bazel:image_archive"],
    )
