#include "app/wellhead/api_options.h"

#include <filesystem>
#include <string>

#include "library/meta/access_settings.h"
#include "library/meta/error.h"

namespace wellhead::app {
namespace {

using namespace meta::setting;

constexpr std::size_t kLeastSecret = 32;

[[noreturn]] void refuse_tokens(const std::string& what, const std::string& advice) {
  throw meta::Error(meta::ErrorCode::invalid_setting, what, advice);
}

std::optional<access::TokenGateOptions> token_options(const meta::Settings& settings) {
  access::TokenGateOptions options;
  options.rules.issuer = settings.get(kJwtIssuer);
  options.rules.audience = settings.get(kJwtAudience);
  options.rules.secret = settings.get(kJwtSecret);
  options.rules.leeway = std::chrono::duration_cast<std::chrono::seconds>(settings.get(kJwtLeeway));
  options.keys = settings.get(kJwtKeys);
  options.ca_file = settings.get(kJwtCaFile);
  const bool proven = !options.keys.empty() || !options.rules.secret.empty();
  if (options.rules.issuer.empty() && options.rules.audience.empty() && !proven) return std::nullopt;
  if (options.rules.issuer.empty() || options.rules.audience.empty() || !proven) {
    refuse_tokens("tokens need an issuer, an audience, and public keys or a secret",
                  "Set WELLHEAD_JWT_ISSUER, WELLHEAD_JWT_AUDIENCE and WELLHEAD_JWT_KEYS, or none of them");
  }
  if (!options.rules.secret.empty() && options.rules.secret.size() < kLeastSecret) {
    refuse_tokens("WELLHEAD_JWT_SECRET has fewer than 32 bytes", "Take a longer one: HS256 is as strong as its secret");
  }
  return options;
}

}  // namespace

api::ServerOptions api_options(const meta::Settings& settings, const Database& database, Worker& worker) {
  return {.listen = settings.get(kListen),
          .database_url = database.url(),
          .tables = database.tables(),
          .guarded = true,
          .audit_spill = std::filesystem::path(settings.get(kHome)) / "audit",
          .tokens = token_options(settings),
          .blobs = &worker.blobs(),
          .runs = &worker,
          .eraser = &worker};
}

}  // namespace wellhead::app
