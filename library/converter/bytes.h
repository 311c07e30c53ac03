// Sixteen bytes at a time, by the vector types that g++ and clang have for every processor.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace wellhead::converter {

using Bytes __attribute__((vector_size(16))) = std::uint8_t;
using ByteFlags __attribute__((vector_size(16))) = std::int8_t;  // all bits of a byte where it holds

inline Bytes load_bytes(const char* from) {
  Bytes bytes;
  std::memcpy(&bytes, from, sizeof bytes);
  return bytes;
}

inline bool any_of(ByteFlags flags) {
  std::array<std::uint64_t, 2> halves{};
  std::memcpy(halves.data(), &flags, sizeof flags);
  return (halves[0] | halves[1]) != 0;
}

// Flags of the first `count` bytes alone; at most sizeof(Bytes).
inline ByteFlags first_flags(std::size_t count) {
  static constexpr std::array<std::int8_t, 32> ones_then_zeros = {-1, -1, -1, -1, -1, -1, -1, -1,
                                                                  -1, -1, -1, -1, -1, -1, -1, -1};
  ByteFlags flags;
  std::memcpy(&flags, ones_then_zeros.data() + sizeof flags - count, sizeof flags);
  return flags;
}

}  // namespace wellhead::converter
