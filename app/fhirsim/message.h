// An HTTP request as the handlers see it, and the answer they fill in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/fhirsim/buffer.h"

namespace wellhead::fhirsim {

using Parameters = std::vector<std::pair<std::string, std::string>>;

// application/x-www-form-urlencoded: a query or a form.
Parameters parse_parameters(std::string_view encoded);
std::string percent_decoded(std::string_view text);

struct Request {
  std::string_view method;
  std::string_view target;
  std::string_view host;
  std::string_view authorization;
  std::string_view prefer;
  std::string_view accept_encoding;
  std::string_view cache_control;
  std::string_view if_none_match;
  std::string_view content_type;
  std::string_view traceparent;
  std::string_view body;

  std::string_view path() const { return target.substr(0, target.find('?')); }
  std::string_view query() const {
    const auto mark = target.find('?');
    return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  }
};

inline constexpr std::string_view kFhirJson = "application/fhir+json;charset=UTF-8";
inline constexpr std::string_view kJson = "application/json";
inline constexpr std::string_view kHtml = "text/html;charset=UTF-8";

struct Reply {
  // How the answer reaches the client: whole, or with a fault.
  enum class Ending : std::uint8_t { whole, reset, truncated, reset_in_body, drip };

  int status = 200;
  std::string_view content_type = kFhirJson;
  std::string headers;  // further header lines, each with CRLF
  Buffer body;
  std::int64_t delay_ms = 0;
  std::optional<std::uint64_t> held_at;  // waits until the faults were cleared more often than that
  Ending ending = Ending::whole;
  std::int64_t piece_bytes = 0;  // truncated, reset_in_body: sent before the end; drip: bytes a piece
  std::int64_t piece_ms = 0;
  std::uint64_t resources = 0;  // in the body

  void start_over();  // for the next request; keeps the body's memory
  void header(std::string_view name, std::string_view value);
  // Replaces status and body by an OperationOutcome; code is one of FHIR's issue types.
  void outcome(int new_status, std::string_view code, std::string_view diagnostics);
  void html(int new_status, std::string_view title);
  void json(int new_status, std::string_view text);
};

// As a JSON string, with its quotes.
std::string json_string(std::string_view text);

}  // namespace wellhead::fhirsim
