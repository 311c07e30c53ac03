#include "library/storage/blob/object_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <pugixml.hpp>

#include "library/meta/error.h"

namespace wellhead::storage {
namespace {

using meta::Error;
using meta::ErrorCode;

constexpr std::size_t kMaxText = 200;

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool blank =
        std::isspace(static_cast<unsigned char>(c)) != 0 || std::iscntrl(static_cast<unsigned char>(c)) != 0;
    if (!blank) {
      out.push_back(c);
    } else if (!out.empty() && out.back() != ' ') {
      out.push_back(' ');
    }
    if (out.size() >= kMaxText) return out + "…";
  }
  while (!out.empty() && (out.back() == ' ' || out.back() == '.')) out.pop_back();
  return out;
}

bool safe_in_path(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.' || c == '/';
}

}  // namespace

std::optional<StoreError> read_error(const std::string& body) {
  pugi::xml_document document;
  if (!document.load_buffer(body.data(), body.size())) return std::nullopt;
  const auto error = document.child("Error");
  const std::string code = error.child_value("Code");
  if (code.empty()) return std::nullopt;
  return StoreError{one_line(code), one_line(error.child_value("Message"))};
}

std::string describe_body(const ObjectAnswer& answer) {
  std::string head = answer.body.substr(0, 512);
  std::ranges::transform(head, head.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (answer.header("content-type").find("html") != std::string::npos || head.find("<html") != std::string::npos)
    return "an HTML page";
  if (head.starts_with('<')) return "an XML document";
  return one_line(answer.body.substr(0, kMaxText));
}

StorePlace parse_place(std::string_view place, std::string_view scheme) {
  const auto slash = std::min(place.find('/'), place.size());
  StorePlace parsed{std::string(place.substr(0, slash)), std::string(place.substr(std::min(slash + 1, place.size())))};
  while (parsed.prefix.ends_with('/')) parsed.prefix.pop_back();
  const bool good = parsed.bucket.size() >= 3 && std::ranges::all_of(place, safe_in_path) &&
                    parsed.prefix.find("..") == std::string::npos && parsed.prefix.find("//") == std::string::npos &&
                    !parsed.prefix.starts_with('/');
  if (!good) {
    throw Error(
        ErrorCode::invalid_setting, fmt::format("'{}://{}' is no blob store", scheme, meta::redacted_url(place)),
        fmt::format("WELLHEAD_BLOB_URL looks like {}://bucket/prefix, of letters, digits, '-', '_', '.' and '/'",
                    scheme));
  }
  if (!parsed.prefix.empty()) parsed.prefix += '/';
  return parsed;
}

std::string checked_endpoint(const std::string& url, std::string_view setting) {
  const bool http = url.starts_with("http://") || url.starts_with("https://");
  if (!http || url.find_first_of("@?# ") != std::string::npos) {
    throw Error(ErrorCode::invalid_setting, fmt::format("{} is no address of a store", setting),
                fmt::format("{} looks like https://store.example.org:9000, without user and query", setting));
  }
  auto endpoint = url;
  while (endpoint.ends_with('/')) endpoint.pop_back();
  return endpoint;
}

}  // namespace wellhead::storage
