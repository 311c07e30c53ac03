"""Bazel's own sh_binary, by the name under which the real rules_shell has it."""

sh_binary = native.sh_binary
