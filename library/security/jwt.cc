#include "library/security/jwt.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "library/meta/error.h"
#include "library/security/public_key.h"
#include "library/security/secret.h"

namespace wellhead::security {

using simdjson::dom::element;
using simdjson::dom::object;

struct JwtKeys::State {
  struct Key {
    std::string id;  // may be empty
    PublicKey key;
  };
  std::vector<Key> keys;
};

namespace {

constexpr std::size_t kMostBytes = 8 * 1024;
constexpr std::int64_t kLastSecond = 253'402'300'799;  // of the year 9999

using Refused = std::unexpected<std::string_view>;

std::string_view text_of(const object& owner, std::string_view name) {
  std::string_view text;
  return owner[name].get(text) == simdjson::SUCCESS ? text : std::string_view();
}

bool has(const object& owner, std::string_view name) {
  element found;
  return owner[name].get(found) == simdjson::SUCCESS;
}

// RFC 8725 §2.1 and RFC 7515: a member that stands there twice may mean one thing here and another elsewhere.
bool has_repeated_member(const object& owner) {
  std::vector<std::string_view> names;
  for (const auto& member : owner) names.push_back(member.key);
  std::ranges::sort(names);
  return std::ranges::adjacent_find(names) != names.end();
}

[[noreturn]] void bad_keys(const std::string& why) {
  throw meta::Error(meta::ErrorCode::invalid_setting, "the JWK set is of no use: " + why,
                    "Give the one that the issuer publishes");
}

std::string part(const object& key, std::string_view name) {
  const auto bytes = from_base64url(text_of(key, name));
  if (!bytes || bytes->empty()) bad_keys("a key has no proper " + std::string(name));
  return *bytes;
}

// nullopt: a key that is not for signatures of ours.
std::optional<PublicKey> read_key(const object& key) {
  const auto use = text_of(key, "use");
  if (!use.empty() && use != "sig") return std::nullopt;
  const auto type = text_of(key, "kty");
  const auto algorithm = text_of(key, "alg");
  if (type == "RSA" && (algorithm.empty() || algorithm == "RS256"))
    return PublicKey::rsa(part(key, "n"), part(key, "e"));
  const bool p256 = type == "EC" && text_of(key, "crv") == "P-256";
  if (p256 && (algorithm.empty() || algorithm == "ES256")) return PublicKey::p256(part(key, "x"), part(key, "y"));
  return std::nullopt;
}

struct TokenParts {
  std::string_view header, claims, signature, signed_text;
};

std::optional<TokenParts> split(std::string_view token) {
  if (token.size() > kMostBytes) return std::nullopt;
  const auto first = token.find('.');
  const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) return std::nullopt;
  return TokenParts{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1),
                    token.substr(0, second)};
}

// A part of the token as a JSON object; keeps what it points into.
struct Decoded {
  explicit Decoded(std::string_view part) {
    const auto bytes = from_base64url(part);
    if (!bytes) return;
    text = simdjson::padded_string(*bytes);
    good = parser.parse(text).get(root) == simdjson::SUCCESS && !has_repeated_member(root);
  }
  simdjson::padded_string text;
  simdjson::dom::parser parser;
  object root;
  bool good = false;
};

bool signed_by_secret(const TokenParts& parts, std::string_view signature, const JwtRules& rules) {
  return !rules.secret.empty() && same_secret(KeyedDigest(rules.secret).of(parts.signed_text), signature);
}

bool signed_by_key(const TokenParts& parts, std::string_view signature, std::string_view algorithm,
                   std::string_view key_id, const JwtKeys& keys) {
  return std::ranges::any_of(keys.state().keys, [&](const JwtKeys::State::Key& candidate) {
    return candidate.key.algorithm() == algorithm && (key_id.empty() || candidate.id == key_id) &&
           candidate.key.verifies(parts.signed_text, signature);
  });
}

bool is_for(const object& claims, std::string_view audience) {
  element found;
  if (claims["aud"].get(found) != simdjson::SUCCESS) return false;
  std::string_view one;
  if (found.get(one) == simdjson::SUCCESS) return one == audience;
  simdjson::dom::array several;
  if (found.get(several) != simdjson::SUCCESS) return false;
  return std::ranges::any_of(several, [&](element entry) {
    std::string_view text;
    return entry.get(text) == simdjson::SUCCESS && text == audience;
  });
}

// NumericDate (RFC 7519 §2); may have a fraction.
std::optional<std::chrono::sys_seconds> moment(const object& claims, std::string_view name) {
  double seconds = 0;
  if (claims[name].get(seconds) != simdjson::SUCCESS || !(seconds >= 0) || seconds > static_cast<double>(kLastSecond)) {
    return std::nullopt;
  }
  return std::chrono::sys_seconds(std::chrono::seconds(static_cast<std::int64_t>(std::floor(seconds))));
}

bool read_zips(const object& claims, std::string_view name, JwtClaims& into) {
  into.has_zips = has(claims, name);
  if (!into.has_zips) return true;
  simdjson::dom::array list;
  if (claims[name].get(list) != simdjson::SUCCESS) return false;
  for (const element entry : list) {
    std::string_view text;
    if (entry.get(text) != simdjson::SUCCESS) return false;
    into.zips.emplace_back(text);
  }
  return true;
}

std::expected<JwtClaims, std::string_view> read_claims(const object& claims, const JwtRules& rules,
                                                       std::chrono::system_clock::time_point now) {
  if (text_of(claims, "iss") != rules.issuer) return Refused("another issuer");
  if (!is_for(claims, rules.audience)) return Refused("another audience");
  JwtClaims read;
  const auto expires = moment(claims, "exp");
  if (!expires) return Refused("no expiry");
  read.expires = *expires + rules.leeway;
  if (now >= read.expires) return Refused("expired");
  for (const std::string_view name : {"nbf", "iat"}) {
    if (!has(claims, name)) continue;
    const auto from = moment(claims, name);
    if (!from || now < *from - rules.leeway) return Refused("not valid yet");
  }
  read.subject = text_of(claims, "sub");
  if (read.subject.empty()) return Refused("no subject");
  read.role = text_of(claims, rules.role_claim);
  if (!read_zips(claims, rules.zips_claim, read)) return Refused("zip codes that are no list of texts");
  return read;
}

}  // namespace

JwtKeys::JwtKeys() : state_(std::make_shared<State>()) {}

JwtKeys JwtKeys::parse(std::string_view jwks) {
  simdjson::dom::parser parser;
  const simdjson::padded_string text(jwks);
  simdjson::dom::array list;
  if (parser.parse(text)["keys"].get(list) != simdjson::SUCCESS) bad_keys("it is no JSON object with keys");
  auto state = std::make_shared<State>();
  for (const element entry : list) {
    object key;
    if (entry.get(key) != simdjson::SUCCESS) bad_keys("a key in it is no object");
    if (auto usable = read_key(key)) state->keys.push_back({std::string(text_of(key, "kid")), std::move(*usable)});
  }
  JwtKeys keys;
  keys.state_ = std::move(state);
  return keys;
}

std::size_t JwtKeys::size() const { return state_->keys.size(); }

bool JwtKeys::has(std::string_view key_id) const {
  return std::ranges::any_of(state_->keys, [&](const State::Key& key) { return key.id == key_id; });
}

bool looks_like_jwt(std::string_view text) { return split(text).has_value(); }

std::optional<std::string> key_id_of(std::string_view token) {
  const auto parts = split(token);
  if (!parts) return std::nullopt;
  const Decoded header(parts->header);
  if (!header.good || !has(header.root, "kid")) return std::nullopt;
  return std::string(text_of(header.root, "kid"));
}

std::expected<JwtClaims, std::string_view> verify_jwt(std::string_view token, const JwtKeys& keys,
                                                      const JwtRules& rules,
                                                      std::chrono::system_clock::time_point now) {
  const auto parts = split(token);
  if (!parts) return Refused("no token");
  const Decoded header(parts->header);
  const auto signature = from_base64url(parts->signature);
  if (!header.good || !signature) return Refused("malformed");
  if (has(header.root, "crit")) return Refused("a critical header");
  const auto algorithm = text_of(header.root, "alg");
  const auto key_id = text_of(header.root, "kid");
  const bool proven = algorithm == "HS256" ? signed_by_secret(*parts, *signature, rules)
                                           : signed_by_key(*parts, *signature, algorithm, key_id, keys);
  if (!proven) return Refused("no signature of a key and algorithm that are taken here");
  const Decoded claims(parts->claims);
  if (!claims.good) return Refused("malformed");
  return read_claims(claims.root, rules, now);
}

}  // namespace wellhead::security
