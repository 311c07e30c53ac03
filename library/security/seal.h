// Text that others keep for us: nobody but who has the key can read or change it.
//
// AES-256-SIV (RFC 5297): deterministic, so that equal texts are sealed equally (an ETag over them holds), and without
// a nonce that could be used twice. Thread-safe. Error{internal} when OpenSSL lacks the algorithm.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace wellhead::security {

class Seal {
 public:
  // Of any key; its strength is that of the key.
  explicit Seal(std::string_view key);
  ~Seal();
  Seal(const Seal&) = delete;
  Seal& operator=(const Seal&) = delete;

  // Bytes, 17 more than the text's. bound_to: what the text belongs to; it is not in the bytes.
  std::string seal(std::string_view bound_to, std::string_view text) const;
  // nullopt unless seal() made it with the same key and the same bound_to.
  std::optional<std::string> open(std::string_view bound_to, std::string_view sealed) const;

 private:
  struct State;
  std::unique_ptr<const State> state_;
};

}  // namespace wellhead::security
