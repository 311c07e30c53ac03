// Bytes of CSV rows (RFC 4180 with PostgreSQL's rule for NULL: nothing between two commas, the empty string is "").
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

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

  // A string as a field, quoted when it must be.
  void append_text(std::string_view text) {
    constexpr std::string_view special = ",\"\n\r";
    if (text.empty() || text.front() == '\\' || text.find_first_of(special) != std::string_view::npos)
      return append_quoted(text);
    append(text);
  }
  // The same for a string that is known to hold neither quotes nor control characters.
  void append_plain_text(std::string_view text) {
    char* at = room(text.size() + 2);
    if (!text.empty() && std::memchr(text.data(), ',', text.size()) == nullptr) {
      std::memcpy(at, text.data(), text.size());
      size_ += text.size();
      return;
    }
    *at = '"';
    if (!text.empty()) std::memcpy(at + 1, text.data(), text.size());
    at[text.size() + 1] = '"';
    size_ += text.size() + 2;
  }

 private:
  void append_quoted(std::string_view text) {
    char* at = room(2 * text.size() + 2);
    *at++ = '"';
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

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace wellhead::converter
