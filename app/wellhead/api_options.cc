#include "app/wellhead/api_options.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "library/meta/access_settings.h"
#include "library/meta/error.h"

namespace wellhead::app {
namespace {

using namespace meta::setting;

constexpr std::size_t kLeastSecret = 32;

[[noreturn]] void refuse_access_settings(const std::string& what, const std::string& advice) {
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
    refuse_access_settings("tokens need an issuer, an audience, and public keys or a secret",
                           "Set WELLHEAD_JWT_ISSUER, WELLHEAD_JWT_AUDIENCE and WELLHEAD_JWT_KEYS, or none of them");
  }
  if (!options.rules.secret.empty() && options.rules.secret.size() < kLeastSecret) {
    refuse_access_settings("WELLHEAD_JWT_SECRET has fewer than 32 bytes",
                           "Take a longer one: HS256 is as strong as its secret");
  }
  return options;
}

std::optional<webserver::TlsOptions> tls_options(const meta::Settings& settings) {
  webserver::TlsOptions tls;
  tls.certificate = settings.get(kTlsCertificateFile);
  tls.key = settings.get(kTlsKeyFile);
  if (tls.certificate.empty() && tls.key.empty()) return std::nullopt;
  if (tls.certificate.empty() || tls.key.empty()) {
    refuse_access_settings("TLS needs a certificate and its key",
                           "Set both WELLHEAD_TLS_CERTIFICATE_FILE and WELLHEAD_TLS_KEY_FILE, or neither");
  }
  return tls;
}

// RFC 6454 §6.2: scheme, host and port, as a browser sends them.
bool is_origin(std::string_view text) {
  if (text == "*") return true;
  const auto scheme = text.find("://");
  if (scheme == std::string_view::npos || (!text.starts_with("https:") && !text.starts_with("http:"))) return false;
  const auto host = text.substr(scheme + 3);
  return !host.empty() && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':' || c == '[' || c == ']';
  });
}

std::vector<std::string> origins(const std::string& list) {
  std::vector<std::string> all;
  for (std::size_t begin = 0; begin < list.size();) {
    const auto end = std::min(list.find(',', begin), list.size());
    std::string origin = list.substr(begin, end - begin);
    std::erase(origin, ' ');
    if (!is_origin(origin)) {
      refuse_access_settings(
          "'" + origin + "' in WELLHEAD_CORS_ORIGINS is no origin",
          "Write it as browsers do: https://charts.example.org, in small letters and without a path");
    }
    all.push_back(std::move(origin));
    begin = end + 1;
  }
  return all;
}

webserver::Limits limits(const meta::Settings& settings) {
  webserver::Limits limits;
  limits.client_rate = static_cast<std::size_t>(settings.get(kClientRate));
  limits.client_connections = static_cast<std::size_t>(settings.get(kClientConnections));
  limits.header_bytes = static_cast<std::size_t>(settings.get(kMaxHeaderBytes));
  limits.body_bytes = static_cast<std::size_t>(settings.get(kMaxRequestBytes));
  limits.header_time = settings.get(kRequestTimeout);
  limits.body_time = 3 * limits.header_time;
  return limits;
}

}  // namespace

api::ServerOptions api_options(const meta::Settings& settings, const Database& database, Worker& worker) {
  return {.listen = settings.get(kListen),
          .database_url = database.url(),
          .tables = database.tables(),
          .guarded = true,
          .audit_spill = std::filesystem::path(settings.get(kHome)) / "audit",
          .tokens = token_options(settings),
          .limits = limits(settings),
          .tls = tls_options(settings),
          .cors_origins = origins(settings.get(kCorsOrigins)),
          .small_counts = settings.get(kSmallCounts),
          .blobs = &worker.blobs(),
          .runs = &worker,
          .eraser = &worker};
}

}  // namespace wellhead::app
