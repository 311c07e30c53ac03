// Bytes that live until the next resource: decoded strings, joined texts. Chunks are kept and used again, so a
// converter that has warmed up allocates nothing. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

namespace wellhead::converter {

class Arena {
 public:
  // Room for `size` bytes that stays where it is until reset(). What is not used is given back by shrink().
  char* allocate(std::size_t size) {
    while (current_ < chunks_.size()) {
      Chunk& chunk = chunks_[current_];
      if (chunk.size - used_ >= size) {
        char* at = chunk.bytes.get() + used_;
        used_ += size;
        return at;
      }
      ++current_;
      used_ = 0;
    }
    const std::size_t capacity = std::max(size, kChunkSize);
    chunks_.push_back({std::make_unique_for_overwrite<char[]>(capacity), capacity});
    used_ = size;
    return chunks_.back().bytes.get();
  }

  // Gives back the last `unused` bytes of the latest allocation.
  void shrink(std::size_t unused) { used_ -= unused; }

  void reset() {
    current_ = 0;
    used_ = 0;
  }

 private:
  static constexpr std::size_t kChunkSize = 16 * 1024;
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0;
  };
  std::vector<Chunk> chunks_;
  std::size_t current_ = 0;
  std::size_t used_ = 0;
};

}  // namespace wellhead::converter
