#include "library/converter/document.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace wellhead::converter {
namespace {

constexpr std::size_t kSmallestCapacity = 16 * 1024;

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

const char* rule_of(simdjson::error_code error) {
  switch (error) {
    case simdjson::UTF8_ERROR:
      return "the resource is not valid UTF-8";
    case simdjson::UNCLOSED_STRING:
      return "the resource is broken JSON: a string does not end";
    case simdjson::UNESCAPED_CHARS:
      return "the resource is broken JSON: a string holds a raw control character";
    case simdjson::CAPACITY:
      return "the resource is larger than 4 GB";
    default:
      return "the resource is broken JSON";
  }
}

constexpr const char* kBrokenJson = "the resource is broken JSON";

}  // namespace

Document::Document() = default;
Document::~Document() = default;
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;

bool Document::prepare(std::string_view json) {
  if (parser_ && json.size() <= parser_->capacity()) return true;
  const std::size_t capacity = std::max(kSmallestCapacity, json.size() + json.size() / 2);
  const auto made = parser_
                        ? parser_->set_capacity(capacity)
                        : simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, 1, parser_);
  if (made == simdjson::MEMALLOC) throw std::bad_alloc();
  return made == simdjson::SUCCESS;
}

const char* Document::read(std::string_view json, const Shapes& shapes, ShapeId root) {
  if (!prepare(json)) return rule_of(simdjson::CAPACITY);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(json.data());
  if (const auto error = parser_->stage1(bytes, json.size(), simdjson::stage1_mode::regular)) return rule_of(error);
  json_ = json.data();
  tokens_ = parser_->structural_indexes.get();
  count_ = parser_->n_structural_indexes;
  has_escapes_ = std::memchr(json.data(), '\\', json.size()) != nullptr;
  if (has_escapes_ && !has_valid_escapes(json)) return "the resource is broken JSON: a string holds an unknown escape";
  shapes_ = &shapes;
  broken_rule_ = kBrokenJson;
  if (containers_.size() < count_) containers_.resize(count_ + count_ / 2);
  frames_used_ = 0;
  if (byte_at(0) != '{') return "the resource is no JSON object";
  const NodeId end = read_object(0, root, 0);
  return end == count_ ? nullptr : broken_rule_;
}

NodeId Document::fail(const char* rule) {
  broken_rule_ = rule;
  return kBroken;
}

std::uint32_t Document::new_frame(const Shape& shape) {
  const std::size_t frame = frames_used_;
  frames_used_ += shape.slots();
  if (frames_.size() < frames_used_) frames_.resize(frames_used_ * 2);
  std::fill(frames_.begin() + static_cast<std::ptrdiff_t>(frame),
            frames_.begin() + static_cast<std::ptrdiff_t>(frames_used_), 0);
  return static_cast<std::uint32_t>(frame);
}

// Sets the slot of the field whose key this is, if it is wanted. False: the field is there twice.
bool Document::bind(NodeId key, const Shape& shape, std::uint32_t frame, ShapeId& child) {
  const char* begin = json_ + tokens_[key] + 1;
  const char* end = json_ + tokens_[key + 1] - 1;
  while (*end != '"') --end;  // blanks may stand behind it
  const Shape::Entry* entry = nullptr;
  const std::string_view name(begin, static_cast<std::size_t>(end - begin));
  if (has_escapes_ && std::memchr(begin, '\\', static_cast<std::size_t>(end - begin)) != nullptr) {
    decoded_key_.assign(static_cast<std::size_t>(end - begin) + 8, '\0');
    const auto length = decode_escapes({begin, end}, decoded_key_.data());
    if (length >= 0) entry = shape.find(decoded_key_.data(), static_cast<std::size_t>(length));
  } else {
    entry = shape.find(begin, name.size());
  }
  if (entry == nullptr) {
    if (!shape.has_choices()) return true;
    entry = shape.find_choice(name);
    if (entry == nullptr) return true;
  }
  NodeId& slot = frames_[frame + entry->slot];
  if (slot != 0) return false;
  slot = key + 2;
  if (entry->choice != Shape::kNoChoice) {
    NodeId& choice = frames_[frame + entry->choice];
    if (choice != 0) return false;
    choice = key + 2;
  }
  child = entry->shape;
  return true;
}

inline NodeId Document::read_value(NodeId token, ShapeId shape, int depth) {
  switch (byte_at(token)) {
    case '"':
      return token + 1;
    case '{':
      return read_object(token, shape, depth + 1);
    case '[':
      return read_array(token, shape, depth + 1);
    default:
      return read_scalar(token);
  }
}

NodeId Document::read_object(NodeId open, ShapeId shape, int depth) {
  if (depth > kMaxDepth) return fail("the resource is nested too deep");
  const Shape* wanted = shape == kNoShape ? nullptr : &(*shapes_)[shape];
  const std::uint32_t frame = wanted != nullptr ? new_frame(*wanted) : 0;
  containers_[open].frame = frame;
  NodeId token = open + 1;
  if (byte_at(token) == '}') return close(open, token);
  while (true) {
    // A key, its colon, a value and what ends it.
    if (token + 3 >= count_ || json_[tokens_[token]] != '"' || json_[tokens_[token + 1]] != ':') return kBroken;
    ShapeId child = kNoShape;
    if (wanted != nullptr && !bind(token, *wanted, frame, child))
      return fail("an object holds the same field twice, or two forms of a choice element");
    token = read_value(token + 2, child, depth);
    if (token == kBroken) return kBroken;
    const char after = byte_at(token);
    if (after != ',') return after == '}' ? close(open, token) : kBroken;
    ++token;
  }
}

NodeId Document::read_array(NodeId open, ShapeId shape, int depth) {
  if (depth > kMaxDepth) return fail("the resource is nested too deep");
  NodeId token = open + 1;
  if (byte_at(token) == ']') return close(open, token);
  while (true) {
    token = read_value(token, shape, depth);
    if (token == kBroken) return kBroken;
    const char after = byte_at(token);
    if (after != ',') return after == ']' ? close(open, token) : kBroken;
    ++token;
  }
}

NodeId Document::read_scalar(NodeId token) {
  // The root is an object, so a token always follows that ends this one.
  if (token + 1 >= count_) return kBroken;
  const char* begin = json_ + tokens_[token];
  const char* end = json_ + tokens_[token + 1];
  while (is_blank(end[-1])) --end;
  const std::string_view text(begin, end);
  const bool valid = text == "true" || text == "false" || text == "null" || is_json_number(text);
  return valid ? token + 1 : kBroken;
}

std::string_view Document::json_text(NodeId node) const {
  const char* begin = json_ + tokens_[node];
  const char byte = *begin;
  if (byte == '{' || byte == '[') return {begin, json_ + tokens_[containers_[node].end] + 1};
  const char* end = json_ + tokens_[node + 1];
  while (is_blank(end[-1])) --end;
  return {begin, end};
}

}  // namespace wellhead::converter
