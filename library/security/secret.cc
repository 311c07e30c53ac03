#include "library/security/secret.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <array>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "library/meta/error.h"

namespace wellhead::security {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kDigestBytes = 32;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

[[noreturn]] void fail(const char* what) { throw meta::Error(meta::ErrorCode::internal, what); }

using MacContext = std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)>;

}  // namespace

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1) {
    fail("OpenSSL has no random numbers");
  }
  return bytes;
}

std::string to_base64url(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) out.push_back(kAlphabet[(bits >> (count - 6)) & 63]);
  }
  if (count > 0) out.push_back(kAlphabet[(bits << (6 - count)) & 63]);
  return out;
}

std::optional<std::string> from_base64url(std::string_view text) {
  std::string out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const auto digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<char>((bits >> count) & 255));
  }
  if (count >= 6 || (bits & ((1U << count) - 1)) != 0) return std::nullopt;
  return out;
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    out.push_back(digits[static_cast<unsigned char>(c) >> 4]);
    out.push_back(digits[static_cast<unsigned char>(c) & 15]);
  }
  return out;
}

bool same_secret(std::string_view left, std::string_view right) {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

// Contexts are used again: to make one takes longer than a digest. There are as many as threads were here at once.
struct KeyedDigest::State {
  MacContext context{nullptr, EVP_MAC_CTX_free};
  std::mutex mutex;
  std::vector<MacContext> idle;

  MacContext take() {
    {
      const std::scoped_lock lock(mutex);
      if (!idle.empty()) {
        MacContext kept = std::move(idle.back());
        idle.pop_back();
        return kept;
      }
    }
    return MacContext(EVP_MAC_CTX_dup(context.get()), EVP_MAC_CTX_free);
  }
  void give_back(MacContext used) {
    const std::scoped_lock lock(mutex);
    idle.push_back(std::move(used));
  }
};

KeyedDigest::KeyedDigest(std::string_view key) : state_(std::make_unique<State>()) {
  const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr), EVP_MAC_free);
  if (mac == nullptr) fail("OpenSSL offers no HMAC");
  state_->context.reset(EVP_MAC_CTX_new(mac.get()));
  std::string digest = "SHA256";
  const std::array<OSSL_PARAM, 2> parameters = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0), OSSL_PARAM_construct_end()};
  if (state_->context == nullptr ||
      EVP_MAC_init(state_->context.get(), bytes_of(key), key.size(), parameters.data()) != 1) {
    fail("OpenSSL offers no HMAC-SHA256");
  }
}

KeyedDigest::~KeyedDigest() = default;

std::string KeyedDigest::of(std::string_view text) const {
  MacContext context = state_->take();
  std::string out(kDigestBytes, '\0');
  std::size_t length = 0;
  // Without a key it begins again with the one it has (EVP_MAC(3)).
  if (context == nullptr || EVP_MAC_init(context.get(), nullptr, 0, nullptr) != 1 ||
      EVP_MAC_update(context.get(), bytes_of(text), text.size()) != 1 ||
      EVP_MAC_final(context.get(), reinterpret_cast<unsigned char*>(out.data()), &length, out.size()) != 1) {
    fail("OpenSSL made no HMAC");
  }
  state_->give_back(std::move(context));
  return out;
}

}  // namespace wellhead::security
