#include "library/meta/describe.h"

#include <fmt/format.h>

#include "library/meta/error.h"

namespace wellhead::meta {
namespace describe_detail {

void wrong_type(std::string_view name, std::string_view expected) {
  throw Error(ErrorCode::invalid_input, fmt::format("JSON: '{}' is not {}", name, expected));
}

}  // namespace describe_detail

void parse_json(std::string_view text, simdjson::dom::parser& parser, simdjson::dom::element& out) {
  if (const auto error = parser.parse(text.data(), text.size()).get(out); error != simdjson::SUCCESS) {
    throw Error(ErrorCode::invalid_input, fmt::format("not valid JSON: {}", simdjson::error_message(error)));
  }
}

}  // namespace wellhead::meta
