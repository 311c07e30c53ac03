#include "library/meta/describe.h"

#include <fmt/format.h>

#include "library/meta/error.h"

namespace wellhead::meta::describe_detail {

void wrong_type(std::string_view name, std::string_view expected) {
  throw Error(ErrorCode::invalid_input, fmt::format("JSON: '{}' is not {}", name, expected));
}

}  // namespace wellhead::meta::describe_detail
