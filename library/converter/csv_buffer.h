// Bytes of CSV rows (RFC 4180 with PostgreSQL's rule for NULL: nothing between two commas, the empty string is "").
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "library/converter/bytes.h"

namespace wellhead::converter {

class CsvBuffer {
 public:
  std::size_t size() const { return size_; }
  const char* data() const { return bytes_.get(); }
  std::string_view view(std::size_t from = 0) const { return {bytes_.get() + from, size_ - from}; }
  void truncate(std::size_t size) { size_ = size; }

  // At least `size` writable bytes behind the end; grow by commit().
  char* room(std::size_t size) {
    if (capacity_ - size_ < size) grow(size);
    return bytes_.get() + size_;
  }
  void commit(const char* end) { size_ = static_cast<std::size_t>(end - bytes_.get()); }

  void append(char c) {
    char* at = room(1);
    *at = c;
    ++size_;
  }
  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(room(bytes.size()), bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  // Bytes of this buffer again, at the end.
  void repeat(std::size_t from, std::size_t count) {
    if (count == 0) return;
    char* at = room(count);
    std::memcpy(at, bytes_.get() + from, count);
    size_ += count;
  }

  void append_commas(std::size_t count) {
    if (count == 0) return;
    std::memset(room(count), ',', count);
    size_ += count;
  }

  // A string as a field, quoted when it must be.
  void append_text(std::string_view text) {
    bool special = text.empty() || text.front() == '\\';
    for (std::size_t i = 0; i < text.size() && !special; ++i) {
      special = kSpecial[static_cast<unsigned char>(text[i])];
    }
    if (special) return append_quoted(text);
    append(text);
  }
  // The same for what stands between the quotes of a JSON string, if it has neither escapes nor a comma; false, and
  // nothing appended, otherwise. sizeof(Bytes) bytes behind the text must be readable.
  bool append_json_text(std::string_view text) {
    if (text.empty()) return false;
    char* to = room(text.size() + sizeof(Bytes));
    const char* from = text.data();
    const char* end = from + text.size();
    ByteFlags found{};
    for (; end - from > static_cast<std::ptrdiff_t>(sizeof(Bytes)); from += sizeof(Bytes), to += sizeof(Bytes)) {
      found |= copy_block(from, to);
    }
    found |= copy_block(from, to) & first_flags(static_cast<std::size_t>(end - from));
    if (any_of(found)) return false;
    size_ += text.size();
    return true;
  }

 private:
  static ByteFlags copy_block(const char* from, char* to) {
    const Bytes bytes = load_bytes(from);
    std::memcpy(to, &bytes, sizeof bytes);
    return (bytes == ',') | (bytes == '\\');
  }

  void append_quoted(std::string_view text) {
    char* at = room(2 * text.size() + 2);
    *at++ = '"';
    if (text.find('"') == std::string_view::npos) {
      if (!text.empty()) std::memcpy(at, text.data(), text.size());
      at[text.size()] = '"';
      return commit(at + text.size() + 1);
    }
    for (const char c : text) {
      if (c == '"') *at++ = '"';
      *at++ = c;
    }
    *at++ = '"';
    commit(at);
  }
  void grow(std::size_t size) {
    const std::size_t capacity = (size_ + size) * 2 + 4096;
    auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ > 0) std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }

  static constexpr std::array<bool, 256> kSpecial = [] {
    std::array<bool, 256> special{};
    for (const char c : std::string_view(",\"\n\r")) special[static_cast<unsigned char>(c)] = true;
    return special;
  }();

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace wellhead::converter
