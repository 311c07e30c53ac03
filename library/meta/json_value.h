// A JSON document (RFC 8259) read whole, for what is small: inputs and results of steps, settings, answers of our own
// API. simdjson reads it, behind a wall: its header costs a compiler more than most sources that want this. What is
// read by the million (resources, bundles) does not come this way.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace wellhead::meta {

// A value within a JsonDocument, which must outlive it and what it gives. Cheap to copy.
class JsonValue {
 public:
  // False, and nothing written: it is of another kind, or beyond the range.
  bool get(bool& out) const;
  bool get(std::int64_t& out) const;
  bool get(std::uint64_t& out) const;
  bool get(double& out) const;
  bool get(std::string_view& out) const;
  bool get(std::vector<JsonValue>& out) const;
  bool get(std::vector<std::pair<std::string_view, JsonValue>>& out) const;

  bool is_null() const;
  bool is_object() const;
  // nullopt: there is none, or this is no object.
  std::optional<JsonValue> member(std::string_view name) const;
  // By a JSON pointer (RFC 6901), such as /runs/0/state.
  std::optional<JsonValue> at(std::string_view pointer) const;

 private:
  friend class JsonDocument;
  struct Access;

  alignas(void*) std::array<std::byte, 2 * sizeof(void*)> element_{};  // simdjson's
};

class JsonDocument {
 public:
  // Copies the text. Throws Error{invalid_input} when it is no JSON.
  explicit JsonDocument(std::string_view text);
  ~JsonDocument();
  JsonDocument(JsonDocument&&) noexcept;
  JsonDocument& operator=(JsonDocument&&) noexcept;

  JsonValue root() const { return root_; }

 private:
  struct Parser;

  std::unique_ptr<Parser> parser_;
  JsonValue root_;
};

}  // namespace wellhead::meta
