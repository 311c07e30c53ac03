// Numbers that look random and are not: everything generated follows from the seed and a place, nothing is stored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wellhead::fhirsim {

// splitmix64's finalizer, a bijection; unmix is its inverse.
constexpr std::uint64_t mix(std::uint64_t value) {
  value ^= value >> 30;
  value *= 0xbf58476d1ce4e5b9U;
  value ^= value >> 27;
  value *= 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

constexpr std::uint64_t unmix(std::uint64_t value) {
  value ^= (value >> 31) ^ (value >> 62);
  value *= 0x319642b2d24d8ec3U;
  value ^= (value >> 27) ^ (value >> 54);
  value *= 0x96de1b173f119089U;
  return value ^ (value >> 30) ^ (value >> 60);
}

static_assert(unmix(mix(0x0123456789abcdefU)) == 0x0123456789abcdefU);

// FNV-1a, then mixed.
constexpr std::uint64_t hash_text(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char letter : text) hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3U;
  return mix(hash);
}

inline constexpr int kUuidLength = 36;

// Writes 36 characters.
void write_uuid(char* out, std::uint64_t high, std::uint64_t low);
std::string uuid_text(std::uint64_t high, std::uint64_t low);
struct Uuid {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
};
std::optional<Uuid> parse_uuid(std::string_view text);

}  // namespace wellhead::fhirsim
