#include "library/meta/error.h"

#include <algorithm>
#include <array>
#include <utility>

namespace wellhead::meta {
namespace {

struct CodeFacts {
  ErrorCode code;
  std::string_view name;
  ErrorSource source;
  bool retryable;
  int http_status;
};

constexpr auto kFacts = std::to_array<CodeFacts>({
    {ErrorCode::invalid_input, "invalid_input", ErrorSource::input, false, 400},
    {ErrorCode::invalid_setting, "invalid_setting", ErrorSource::input, false, 500},
    {ErrorCode::invalid_view, "invalid_view", ErrorSource::input, false, 400},
    {ErrorCode::not_found, "not_found", ErrorSource::input, false, 404},
    {ErrorCode::conflict, "conflict", ErrorSource::input, false, 409},
    {ErrorCode::cancelled, "cancelled", ErrorSource::input, false, 409},
    {ErrorCode::source_unreachable, "source_unreachable", ErrorSource::external, true, 502},
    {ErrorCode::source_timeout, "source_timeout", ErrorSource::external, true, 504},
    {ErrorCode::source_busy, "source_busy", ErrorSource::external, true, 503},
    {ErrorCode::source_failed, "source_failed", ErrorSource::external, true, 502},
    {ErrorCode::source_refused, "source_refused", ErrorSource::external, false, 502},
    {ErrorCode::source_unauthorized, "source_unauthorized", ErrorSource::external, false, 502},
    {ErrorCode::source_tls, "source_tls", ErrorSource::external, false, 502},
    {ErrorCode::source_not_fhir, "source_not_fhir", ErrorSource::external, false, 502},
    {ErrorCode::source_limit, "source_limit", ErrorSource::external, false, 502},
    {ErrorCode::source_page_expired, "source_page_expired", ErrorSource::external, false, 502},
    {ErrorCode::database_unreachable, "database_unreachable", ErrorSource::system, true, 503},
    {ErrorCode::database_refused, "database_refused", ErrorSource::system, false, 500},
    {ErrorCode::database_conflict, "database_conflict", ErrorSource::system, true, 503},
    {ErrorCode::database_version, "database_version", ErrorSource::system, false, 500},
    {ErrorCode::blob_store_failed, "blob_store_failed", ErrorSource::system, true, 503},
    {ErrorCode::blob_missing, "blob_missing", ErrorSource::system, false, 500},
    {ErrorCode::blob_corrupt, "blob_corrupt", ErrorSource::system, false, 500},
    {ErrorCode::activity_timeout, "activity_timeout", ErrorSource::system, true, 504},
    {ErrorCode::journal_damaged, "journal_damaged", ErrorSource::system, false, 500},
    {ErrorCode::lease_lost, "lease_lost", ErrorSource::system, false, 503},
    {ErrorCode::engine_unreachable, "engine_unreachable", ErrorSource::system, true, 503},
    {ErrorCode::engine_refused, "engine_refused", ErrorSource::system, false, 500},
    {ErrorCode::nondeterminism, "nondeterminism", ErrorSource::bug, false, 500},
    {ErrorCode::internal, "internal", ErrorSource::bug, false, 500},
});

const CodeFacts& facts(ErrorCode code) { return *std::ranges::find(kFacts, code, &CodeFacts::code); }

}  // namespace

std::string_view to_string(ErrorCode code) { return facts(code).name; }

std::string_view to_string(ErrorSource source) {
  constexpr std::array<std::string_view, 4> names = {"input", "external", "system", "bug"};
  return names[static_cast<std::size_t>(source)];
}

std::optional<ErrorCode> error_code_from_string(std::string_view text) {
  const auto* found = std::ranges::find(kFacts, text, &CodeFacts::name);
  if (found == kFacts.end()) return std::nullopt;
  return found->code;
}

Error::Error(ErrorCode code, std::string message, std::string advice)
    : std::runtime_error(advice.empty() ? message : message + ". " + advice),
      code_(code),
      message_(std::move(message)),
      advice_(std::move(advice)) {}

ErrorSource Error::source() const { return facts(code_).source; }

bool Error::retryable() const { return !no_retry_ && facts(code_).retryable; }

Error& Error::no_retry() {
  no_retry_ = true;
  return *this;
}

Error& Error::set_retry_after(std::chrono::milliseconds wait) {
  retry_after_ = wait;
  return *this;
}

int Error::http_status() const { return facts(code_).http_status; }

std::string redacted_url(std::string_view url) {
  std::string out;
  const auto scheme = url.find("://");
  std::size_t position = 0;
  if (scheme != std::string_view::npos) {
    position = scheme + 3;
    const auto end_of_authority = std::min(url.find_first_of("/?#", position), url.size());
    const auto at = url.substr(0, end_of_authority).rfind('@');
    out.append(url.substr(0, position));
    if (at != std::string_view::npos && at >= position) position = at + 1;
  }
  const auto query = url.find('?', position);
  out.append(url.substr(position, query == std::string_view::npos ? query : query - position));
  if (query == std::string_view::npos) return out;
  out.push_back('?');
  bool in_value = false;
  for (const char c : url.substr(query + 1)) {
    if (c == '&') in_value = false;
    if (!in_value) out.push_back(c);
    if (c == '=' && !in_value) {
      out.append("…");
      in_value = true;
    }
  }
  return out;
}

}  // namespace wellhead::meta
