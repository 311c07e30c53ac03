// Digests: SHA-256 names blobs by their content; a 128-bit XXH3 tells whether a row has changed (it is not meant to
// withstand forgery).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace wellhead::meta {

// SHA-256 (FIPS 180-4) over bytes given piece by piece. Not copyable, not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::string_view bytes);
  // 64 lower-case hex digits. The object cannot be used afterwards.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view bytes);

// 128-bit digest of a row; written to the database as a uuid, its most compact 16-byte type.
struct RowDigest {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  bool operator==(const RowDigest&) const = default;
  // 32 lower-case hex digits, which PostgreSQL's uuid takes.
  std::array<char, 32> hex() const;
};

RowDigest row_digest(std::string_view bytes, std::uint64_t seed = 0);

}  // namespace wellhead::meta
