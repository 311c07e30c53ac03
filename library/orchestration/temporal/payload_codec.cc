#include "library/orchestration/temporal/payload_codec.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>
#include <span>

#include "library/meta/error.h"

namespace wellhead::orchestration::temporal_engine {
namespace {

using ApiPayload = ::temporal::api::common::v1::Payload;

constexpr std::size_t kKeySize = 32;
constexpr std::size_t kNonceSize = 12;  // NIST SP 800-38D §8.2.2, at random
constexpr std::size_t kTagSize = 16;
constexpr const char* kEncoding = "encoding";
constexpr const char* kEncrypted = "binary/encrypted";
constexpr const char* kKeyId = "encryption-key-id";

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

unsigned char* bytes(std::string& text, std::size_t at = 0) {
  return reinterpret_cast<unsigned char*>(text.data()) + at;
}
const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

[[noreturn]] void throw_no_cipher() {
  throw meta::Error(meta::ErrorCode::internal, "OpenSSL has no AES-256-GCM, or no random numbers");
}

Cipher new_cipher() {
  Cipher cipher(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  if (!cipher) throw_no_cipher();
  return cipher;
}

// nonce, encrypted text, tag
std::string seal(const std::string& key, const std::string& text) {
  std::string sealed(kNonceSize + text.size() + kTagSize, '\0');
  const auto cipher = new_cipher();
  int size = 0;
  const bool done =
      RAND_bytes(bytes(sealed), kNonceSize) == 1 &&
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes(std::string_view(key)), bytes(sealed)) == 1 &&
      EVP_EncryptUpdate(cipher.get(), bytes(sealed, kNonceSize), &size, bytes(std::string_view(text)),
                        static_cast<int>(text.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), bytes(sealed, kNonceSize + text.size()), &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagSize, bytes(sealed, kNonceSize + text.size())) == 1;
  if (!done) throw_no_cipher();
  return sealed;
}

// False: it was changed, or the key is another.
bool open(const std::string& key, std::string sealed, std::string& text) {
  if (sealed.size() < kNonceSize + kTagSize) return false;
  text.assign(sealed.size() - kNonceSize - kTagSize, '\0');
  const auto cipher = new_cipher();
  int size = 0;
  return EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes(std::string_view(key)), bytes(sealed)) ==
             1 &&
         EVP_DecryptUpdate(cipher.get(), bytes(text), &size, bytes(sealed, kNonceSize),
                           static_cast<int>(text.size())) == 1 &&
         EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagSize, bytes(sealed, kNonceSize + text.size())) ==
             1 &&
         EVP_DecryptFinal_ex(cipher.get(), bytes(text, text.size()), &size) == 1;
}

std::string from_base64(std::string_view text) {
  std::string decoded(text.size() / 4 * 3, '\0');
  const int size = text.size() % 4 != 0 || text.empty()
                       ? -1
                       : EVP_DecodeBlock(bytes(decoded), bytes(text), static_cast<int>(text.size()));
  if (size < 0) return {};
  const auto padding = std::ranges::count(text.substr(text.size() - 2), '=');
  decoded.resize(static_cast<std::size_t>(size) - static_cast<std::size_t>(padding));
  return decoded;
}

}  // namespace

PayloadCodec::PayloadCodec(std::string_view keys) {
  while (!keys.empty()) {
    const auto comma = std::min(keys.find(','), keys.size());
    const auto one = keys.substr(0, comma);
    const auto colon = std::min(one.find(':'), one.size());
    Key key{.id = std::string(one.substr(0, colon)), .bytes = from_base64(one.substr(std::min(colon + 1, one.size())))};
    if (key.id.empty() || key.bytes.size() != kKeySize || std::ranges::find(keys_, key.id, &Key::id) != keys_.end()) {
      throw meta::Error(
          meta::ErrorCode::invalid_setting,
          fmt::format("key {} for Temporal's payloads is not ID:KEY with a new id and 32 bytes in base64",
                      keys_.size() + 1),
          "`openssl rand -base64 32` makes one; several stand with commas between them, the newest first");
    }
    keys_.push_back(std::move(key));
    keys.remove_prefix(std::min(comma + 1, keys.size()));
  }
  if (keys_.empty()) throw meta::Error(meta::ErrorCode::invalid_setting, "there is no key for Temporal's payloads");
}

void PayloadCodec::encode(ApiPayload& payload) const {
  if (keys_.empty()) return;
  const Key& key = keys_.front();
  ApiPayload encoded;
  (*encoded.mutable_metadata())[kEncoding] = kEncrypted;
  (*encoded.mutable_metadata())[kKeyId] = key.id;
  encoded.set_data(seal(key.bytes, payload.SerializeAsString()));
  payload = std::move(encoded);
}

void PayloadCodec::decode(ApiPayload& payload) const {
  const auto encoding = payload.metadata().find(kEncoding);
  if (encoding == payload.metadata().end() || encoding->second != kEncrypted) return;
  const auto id = payload.metadata().find(kKeyId);
  const Key& used = key(id == payload.metadata().end() ? std::string() : id->second);
  std::string text;
  ApiPayload decoded;
  if (!open(used.bytes, payload.data(), text) || !decoded.ParseFromString(text)) {
    throw meta::Error(meta::ErrorCode::engine_refused,
                      fmt::format("a payload on Temporal does not open with key '{}'", used.id),
                      "It was changed on the way, or another key goes by that id: check WELLHEAD_PAYLOAD_KEYS");
  }
  payload = std::move(decoded);
}

const PayloadCodec::Key& PayloadCodec::key(const std::string& id) const {
  const auto found = std::ranges::find(keys_, id, &Key::id);
  if (found != keys_.end()) return *found;
  throw meta::Error(meta::ErrorCode::engine_refused,
                    fmt::format("a payload on Temporal is encrypted with key '{}', which is not here", id),
                    "Add it to WELLHEAD_PAYLOAD_KEYS, after the one that encrypts");
}

}  // namespace wellhead::orchestration::temporal_engine
