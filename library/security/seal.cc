#include "library/security/seal.h"

#include <openssl/evp.h>

#include <memory>
#include <utility>

#include "library/meta/error.h"
#include "library/security/secret.h"

namespace wellhead::security {
namespace {

constexpr int kTagBytes = 16;
// In front of each text, which so is never empty: EVP takes no empty one in this mode.
constexpr char kVersion = '1';

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

[[noreturn]] void fail() { throw meta::Error(meta::ErrorCode::internal, "OpenSSL offers no AES-256-SIV"); }

const unsigned char* plain_bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

EVP_CIPHER* cipher() {
  static const std::unique_ptr<EVP_CIPHER, decltype(&EVP_CIPHER_free)> fetched(
      EVP_CIPHER_fetch(nullptr, "AES-256-SIV", nullptr), EVP_CIPHER_free);
  if (fetched == nullptr) fail();
  return fetched.get();
}

CipherContext copy_of(const EVP_CIPHER_CTX* keyed) {
  CipherContext context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  if (context == nullptr || EVP_CIPHER_CTX_copy(context.get(), keyed) != 1) fail();
  return context;
}

// Never empty, which some versions of OpenSSL do not authenticate (CVE-2023-2975).
bool bind(EVP_CIPHER_CTX* context, std::string_view bound_to) {
  const std::string bound = std::to_string(bound_to.size()) + ":" + std::string(bound_to);
  int length = 0;
  return EVP_CipherUpdate(context, nullptr, &length, plain_bytes(bound), static_cast<int>(bound.size())) == 1;
}

}  // namespace

// To be copied for each text: making the keys' schedules takes longer than sealing.
struct Seal::State {
  CipherContext sealing{EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free};
  CipherContext opening{EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free};
};

Seal::Seal(std::string_view key) {
  const KeyedDigest derived(key);
  const std::string keys = derived.of("seal: authenticity") + derived.of("seal: secrecy");
  auto state = std::make_unique<State>();
  if (state->sealing == nullptr || state->opening == nullptr ||
      EVP_EncryptInit_ex2(state->sealing.get(), cipher(), plain_bytes(keys), nullptr, nullptr) != 1 ||
      EVP_DecryptInit_ex2(state->opening.get(), cipher(), plain_bytes(keys), nullptr, nullptr) != 1) {
    fail();
  }
  state_ = std::move(state);
}

Seal::~Seal() = default;

std::string Seal::seal(std::string_view bound_to, std::string_view text) const {
  const CipherContext context = copy_of(state_->sealing.get());
  const std::string plain = kVersion + std::string(text);
  std::string out(kTagBytes + plain.size(), '\0');
  auto* const tag = reinterpret_cast<unsigned char*>(out.data());
  auto* const sealed = tag + kTagBytes;
  int length = 0;
  if (!bind(context.get(), bound_to) ||
      EVP_EncryptUpdate(context.get(), sealed, &length, plain_bytes(plain), static_cast<int>(plain.size())) != 1 ||
      EVP_EncryptFinal_ex(context.get(), sealed + length, &length) != 1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, tag) != 1) {
    fail();
  }
  return out;
}

std::optional<std::string> Seal::open(std::string_view bound_to, std::string_view sealed) const {
  if (sealed.size() <= kTagBytes) return std::nullopt;
  const CipherContext context = copy_of(state_->opening.get());
  std::string tag(sealed.substr(0, kTagBytes));
  const std::string_view rest = sealed.substr(kTagBytes);
  std::string plain(rest.size(), '\0');
  auto* const out = reinterpret_cast<unsigned char*>(plain.data());
  int length = 0;
  if (EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) != 1 ||
      !bind(context.get(), bound_to)) {
    fail();
  }
  if (EVP_DecryptUpdate(context.get(), out, &length, plain_bytes(rest), static_cast<int>(rest.size())) != 1 ||
      EVP_DecryptFinal_ex(context.get(), out + length, &length) != 1 || plain.front() != kVersion) {
    return std::nullopt;
  }
  return plain.substr(1);
}

}  // namespace wellhead::security
