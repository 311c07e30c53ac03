"""Bazel's own sh_test, by the name under which the real rules_shell has it."""

sh_test = native.sh_test
