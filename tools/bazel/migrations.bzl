"""The numbered migrations, as library/storage/postgres/CMakeLists.txt embeds them."""

load("//tools/bazel:embed.bzl", "written_source")

_KNOWN_MIGRATIONS = """#include <array>

#include "library/storage/postgres/migrations.h"

extern "C" {{
{declarations}}}

namespace wellhead::storage {{

std::span<const Migration> known_migrations() {{
  static const auto kMigrations = std::to_array<Migration>({{
{entries}  }});
  return kMigrations;
}}

}}  // namespace wellhead::storage
"""

def migration_symbols(files):
    """Which symbol each file is to be embedded as; fails where a number is left out.

    Args:
      files: migrations/NNNN_name.sql, sorted

    Returns:
      symbol -> file
    """
    symbols = {}
    for number, file in enumerate(files, 1):
        name = file[len("migrations/"):-len(".sql")]
        if name.split("_")[0].lstrip("0") != str(number):
            fail("%s: a migration is named NNNN_name.sql, and the number after the last one is %d" % (file, number))
        symbols["wellhead_migration_" + name] = file
    return symbols

def known_migrations(name, symbols):
    """known_migrations.cc, which lists what migration_symbols() found.

    Args:
      name: of the rule
      symbols: what migration_symbols() returned
    """
    declarations = ""
    entries = ""
    for number, symbol in enumerate(symbols, 1):
        declarations += "extern const char %s[], %s_end[];\n" % (symbol, symbol)
        entries += "    {%d, \"%s\", {%s, %s_end}},\n" % (number, symbol[len("wellhead_migration_"):], symbol, symbol)
    written_source(
        name = name,
        content = _KNOWN_MIGRATIONS.format(declarations = declarations, entries = entries),
        source = name + ".cc",
    )
