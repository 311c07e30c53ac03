// One FHIR resource's JSON, read in place. simdjson's first stage gives the positions of all tokens and checks UTF-8;
// one walk over them checks the grammar, notes where each object and array ends, and binds the wanted fields of each
// object (see shape.h). There is no tree: a value is the index of its first token, text stays in the caller's bytes.
//
// The walk is complete, so a resource that is broken anywhere is refused, also where no column looks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "library/converter/shape.h"

namespace simdjson::internal {
class dom_parser_implementation;  // NOLINT(readability-identifier-naming): simdjson's
}

namespace wellhead::converter {

// Index of a value's first token. 0 is the document's root and, as the result of a look-up, "absent".
using NodeId = std::uint32_t;

class Document {
 public:
  Document();
  ~Document();
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;

  // 64 bytes past the end must be readable. nullptr on success, else the rule that is broken. `root` is the shape of
  // the resource itself. The bytes must outlive the reading.
  const char* read(std::string_view json, const Shapes& shapes, ShapeId root);

  char first_byte(NodeId node) const { return json_[tokens_[node]]; }
  bool is_object(NodeId node) const { return first_byte(node) == '{'; }
  bool is_array(NodeId node) const { return first_byte(node) == '['; }
  bool is_string(NodeId node) const { return first_byte(node) == '"'; }
  bool is_null(NodeId node) const { return first_byte(node) == 'n'; }
  bool is_true(NodeId node) const { return first_byte(node) == 't'; }
  bool is_boolean(NodeId node) const { return is_true(node) || first_byte(node) == 'f'; }
  bool is_number(NodeId node) const {
    return first_byte(node) == '-' || (first_byte(node) >= '0' && first_byte(node) <= '9');
  }

  // The value of a wanted field of an object; 0 when it has none.
  NodeId field(NodeId object, std::uint32_t slot) const { return frames_[containers_[object].frame + slot]; }

  // Elements of an array in order; 0 after the last.
  NodeId first_element(NodeId array) const { return json_[tokens_[array + 1]] == ']' ? 0 : array + 1; }
  NodeId next_element(NodeId element) const {
    const NodeId after = after_value(element);
    return json_[tokens_[after]] == ',' ? after + 1 : 0;
  }

  // The keys of an object in order; 0 after the last. The value of a key stands two tokens behind it.
  NodeId first_key(NodeId object) const { return json_[tokens_[object + 1]] == '}' ? 0 : object + 1; }
  NodeId next_key(NodeId key) const {
    const NodeId after = after_value(key + 2);
    return json_[tokens_[after]] == ',' ? after + 1 : 0;
  }
  // The name of the field whose value this is, escapes as written; empty for the root and for elements of arrays.
  std::string_view key_of(NodeId node) const {
    return node > 1 && json_[tokens_[node - 1]] == ':' ? string_text(node - 2) : std::string_view{};
  }

  // A string between its quotes, escapes as written; a number, true, false or null as written; other values whole.
  std::string_view string_text(NodeId node) const {
    const char* begin = json_ + tokens_[node] + 1;
    const char* end = json_ + tokens_[node + 1] - 1;
    while (*end != '"') --end;  // blanks may stand behind it
    return {begin, end};
  }
  std::string_view json_text(NodeId node) const;

  // Whether any string of the document holds an escape. When not, string_text() is the string's value, and no string
  // holds a quote or a control character.
  bool has_escapes() const { return has_escapes_; }

  static constexpr int kMaxDepth = 200;

 private:
  struct Container {
    NodeId end = 0;           // its closing token
    std::uint32_t frame = 0;  // where its wanted fields begin in frames_
  };

  NodeId after_value(NodeId node) const {
    const char byte = first_byte(node);
    return byte == '{' || byte == '[' ? containers_[node].end + 1 : node + 1;
  }
  bool prepare(std::string_view json);
  char byte_at(NodeId token) const { return token < count_ ? json_[tokens_[token]] : '\0'; }
  // Each returns the token after what it has read, or kBroken.
  NodeId read_value(NodeId token, ShapeId shape, int depth);
  NodeId read_object(NodeId token, ShapeId shape, int depth);
  NodeId read_array(NodeId token, ShapeId shape, int depth);
  NodeId read_scalar(NodeId token);
  NodeId fail(const char* rule);
  NodeId close(NodeId open, NodeId token) {
    containers_[open].end = token;
    return token + 1;
  }
  std::uint32_t new_frame(const Shape& shape);
  bool bind(NodeId key, const Shape& shape, std::uint32_t frame, ShapeId& child);

  static constexpr NodeId kBroken = ~NodeId{0};

  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser_;
  const char* json_ = nullptr;
  const std::uint32_t* tokens_ = nullptr;
  NodeId count_ = 0;
  bool has_escapes_ = false;
  const Shapes* shapes_ = nullptr;
  const char* broken_rule_ = nullptr;
  std::vector<Container> containers_;  // by token; set for opening tokens only
  std::vector<NodeId> frames_;
  std::size_t frames_used_ = 0;
  std::string decoded_key_;
};

// Whether every backslash of the document begins an escape of RFC 8259 §7.
bool has_valid_escapes(std::string_view json);

// Decodes the escapes of a JSON string (RFC 8259 §7) into out, which has room for text.size() bytes. Returns the
// decoded length, or -1 for an unknown escape, a half surrogate pair, or \u0000, which PostgreSQL cannot hold.
std::ptrdiff_t decode_escapes(std::string_view text, char* out);

// Whether the text is a number by the grammar of RFC 8259 §6.
bool is_json_number(std::string_view text);

}  // namespace wellhead::converter
