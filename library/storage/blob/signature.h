// Encodings and keyed digests that object stores ask for, over OpenSSL. Private to this folder.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wellhead::storage {

std::string base64(std::string_view bytes);
// Error{invalid_setting} for what is no base64; the text is not part of it. what: the setting's name.
std::string from_base64(std::string_view text, std::string_view what);
std::string hex_to_bytes(std::string_view hex);
std::string hmac_sha256(std::string_view key, std::string_view text);

// MD5, which Azure checks bodies with. Not copyable, not thread-safe.
class Md5 {
 public:
  Md5();
  ~Md5();
  Md5(const Md5&) = delete;
  Md5& operator=(const Md5&) = delete;
  void update(std::string_view bytes);
  std::string finish();  // hex

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// RFC 3986's percent-encoding of all but unreserved characters, as signatures want it.
std::string percent_encoded(std::string_view text);
// name=value&… encoded and sorted by name, which is the order that is signed; a value may be empty.
std::string query_of(std::vector<std::pair<std::string, std::string>> parameters);

}  // namespace wellhead::storage
