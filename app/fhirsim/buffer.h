// Bytes that grow and are never zeroed first: response bodies are written here and reused from request to request.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace wellhead::fhirsim {

class Buffer {
 public:
  // At least `bytes` of room behind what is there; what was written counts after advance().
  char* room(std::size_t bytes) {
    if (capacity_ - size_ < bytes) grow(size_ + bytes);
    return data_.get() + size_;
  }
  void advance(std::size_t bytes) { size_ += bytes; }

  void append(std::string_view text) {
    std::memcpy(room(text.size()), text.data(), text.size());
    size_ += text.size();
  }
  void assign(std::string_view text) {
    clear();
    append(text);
  }

  void clear() { size_ = 0; }
  void truncate(std::size_t size) { size_ = size; }
  // Gives memory back that one large answer took.
  void shrink(std::size_t limit) {
    if (capacity_ > limit) *this = Buffer();
  }

  std::size_t size() const { return size_; }
  std::string_view view(std::size_t from = 0) const { return {data_.get() + from, size_ - from}; }
  char* data() { return data_.get(); }

 private:
  void grow(std::size_t needed) {
    const std::size_t capacity = needed < 4096 ? 8192 : needed * 2;
    auto larger = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ > 0) std::memcpy(larger.get(), data_.get(), size_);
    data_ = std::move(larger);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace wellhead::fhirsim
