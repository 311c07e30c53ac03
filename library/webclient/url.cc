#include "library/webclient/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <optional>

#include "library/meta/error.h"

namespace wellhead::webclient {
namespace {

using meta::Error;
using meta::ErrorCode;

using Handle = std::unique_ptr<CURLU, decltype([](CURLU* handle) { curl_url_cleanup(handle); })>;

constexpr std::string_view kHex = "0123456789ABCDEF";
// Beside letters and digits. The comma separates the items of a search value, the colon belongs to its name.
constexpr std::string_view kPlain = "-._~,:";

std::string part(CURLU* handle, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(handle, which, &text, flags) != CURLUE_OK) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

// libcurl wants blanks and bytes beyond ASCII encoded; some servers write them plainly.
std::string encode_blanks(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == ' ' || byte >= 0x7f) {
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

bool is_web(CURLU* handle) {
  const auto scheme = part(handle, CURLUPART_SCHEME);
  return scheme == "http" || scheme == "https";
}

}  // namespace

Url Url::parse(std::string_view text) {
  const Handle handle(curl_url());
  if (text.find("://") == std::string_view::npos ||
      curl_url_set(handle.get(), CURLUPART_URL, std::string(text).c_str(), 0) != CURLUE_OK || !is_web(handle.get())) {
    throw Error(ErrorCode::invalid_input, "not an http or https URL: " + meta::redacted_url(text),
                "Give one like https://example.org/fhir");
  }
  Url url;
  url.user_ = part(handle.get(), CURLUPART_USER, CURLU_URLDECODE);
  url.password_ = part(handle.get(), CURLUPART_PASSWORD, CURLU_URLDECODE);
  for (const auto unwanted : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_FRAGMENT}) {
    curl_url_set(handle.get(), unwanted, nullptr, 0);
  }
  url.text_ = part(handle.get(), CURLUPART_URL);
  url.scheme_ = part(handle.get(), CURLUPART_SCHEME);
  url.host_ = part(handle.get(), CURLUPART_HOST);
  std::ranges::transform(url.host_, url.host_.begin(), [](unsigned char c) { return std::tolower(c); });
  url.origin_ = url.scheme_ + "://" + url.host_ + ":" + part(handle.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  return url;
}

Url Url::resolve(std::string_view reference) const {
  const Handle handle(curl_url());
  const auto encoded = encode_blanks(reference);
  if (reference.empty() || curl_url_set(handle.get(), CURLUPART_URL, text_.c_str(), 0) != CURLUE_OK ||
      curl_url_set(handle.get(), CURLUPART_URL, encoded.c_str(), 0) != CURLUE_OK || !is_web(handle.get())) {
    throw Error(ErrorCode::source_refused, "the server at " + origin_ + " gave a link that is no http or https URL: '" +
                                               meta::redacted_url(reference) + "'");
  }
  return parse(part(handle.get(), CURLUPART_URL));
}

bool Url::loopback() const {
  return host_ == "localhost" || host_.ends_with(".localhost") || host_.starts_with("127.") || host_ == "[::1]";
}

std::string form_encode(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x80 && std::isalnum(byte) != 0) || kPlain.contains(c)) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out;
}

}  // namespace wellhead::webclient
