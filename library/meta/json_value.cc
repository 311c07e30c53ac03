#include "library/meta/json_value.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <bit>
#include <string>

#include "library/meta/error.h"

namespace wellhead::meta {

namespace dom = simdjson::dom;

struct JsonValue::Access {
  static dom::element element(const JsonValue& value) { return std::bit_cast<dom::element>(value.element_); }
  static JsonValue value(const dom::element& element) {
    JsonValue value;
    value.element_ = std::bit_cast<decltype(element_)>(element);
    return value;
  }
  template <class T>
  static bool get(const JsonValue& value, T& out) {
    return element(value).get(out) == simdjson::SUCCESS;
  }
  static std::optional<JsonValue> found(simdjson::simdjson_result<dom::element> result) {
    dom::element element;
    if (std::move(result).get(element) != simdjson::SUCCESS) return std::nullopt;
    return value(element);
  }
};

bool JsonValue::get(bool& out) const { return Access::get(*this, out); }
bool JsonValue::get(std::int64_t& out) const { return Access::get(*this, out); }
bool JsonValue::get(std::uint64_t& out) const { return Access::get(*this, out); }
bool JsonValue::get(double& out) const { return Access::get(*this, out); }
bool JsonValue::get(std::string_view& out) const { return Access::get(*this, out); }

bool JsonValue::get(std::vector<JsonValue>& out) const {
  dom::array items;
  if (!Access::get(*this, items)) return false;
  out.clear();
  for (const dom::element item : items) out.push_back(Access::value(item));
  return true;
}

bool JsonValue::get(std::vector<std::pair<std::string_view, JsonValue>>& out) const {
  dom::object members;
  if (!Access::get(*this, members)) return false;
  out.clear();
  for (const dom::key_value_pair member : members) out.emplace_back(member.key, Access::value(member.value));
  return true;
}

bool JsonValue::is_null() const { return Access::element(*this).is_null(); }
bool JsonValue::is_object() const { return Access::element(*this).is_object(); }

std::optional<JsonValue> JsonValue::member(std::string_view name) const {
  return Access::found(Access::element(*this).at_key(name));
}

std::optional<JsonValue> JsonValue::at(std::string_view pointer) const {
  return Access::found(Access::element(*this).at_pointer(pointer));
}

struct JsonDocument::Parser {
  dom::parser parser;
};

JsonDocument::JsonDocument(std::string_view text) : parser_(std::make_unique<Parser>()) {
  dom::element root;
  if (const auto error = parser_->parser.parse(text.data(), text.size()).get(root); error != simdjson::SUCCESS) {
    throw Error(ErrorCode::invalid_input, fmt::format("not valid JSON: {}", simdjson::error_message(error)));
  }
  root_ = JsonValue::Access::value(root);
}

JsonDocument::~JsonDocument() = default;
JsonDocument::JsonDocument(JsonDocument&&) noexcept = default;
JsonDocument& JsonDocument::operator=(JsonDocument&&) noexcept = default;

}  // namespace wellhead::meta
