// Any bytes as a path: read, compiled, or refused with the place of the mistake.
#include "library/converter/path.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "library/converter/plan.h"
#include "library/meta/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wellhead::converter;
  const std::string source(reinterpret_cast<const char*>(data), size);
  LocatedPath path{{}, source, "fuzz"};
  try {
    path.path = parse_path(source);
    canonical(path.path);
  } catch (const PathError& error) {
    if (error.position > source.size()) std::abort();
    return 0;
  }
  ViewSyntax view;
  view.name = "v";
  view.resource = "Patient";
  SelectSyntax select;
  select.columns.push_back({.column = {.name = "c"}, .path = path, .encoding = Encoding::any});
  view.selects.push_back(select);
  try {
    check_paths(view);
  } catch (const wellhead::meta::Error&) {
  }
  return 0;
}
