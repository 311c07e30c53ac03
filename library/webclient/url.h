// URLs as libcurl understands them, so that what is checked is what is requested (RFC 3986).
#pragma once

#include <string>
#include <string_view>

namespace wellhead::webclient {

// An absolute http or https URL, normalised by libcurl; user info and fragment are left out.
class Url {
 public:
  // Error{invalid_input} for anything but an absolute http or https URL; the message shows the URL redacted.
  static Url parse(std::string_view text);
  // A reference (absolute, or relative to this URL) as servers write it in Location and in links.
  Url resolve(std::string_view reference) const;

  const std::string& text() const { return text_; }
  const std::string& scheme() const { return scheme_; }
  const std::string& host() const { return host_; }  // in lower case
  // https://example.org:443: scheme, host and port, always with the port. Two URLs are of one origin when these are
  // equal.
  const std::string& origin() const { return origin_; }
  bool secure() const { return scheme_ == "https"; }
  bool loopback() const;  // localhost, 127.0.0.0/8 or ::1

  // User info that parse() found, decoded.
  const std::string& user() const { return user_; }
  const std::string& password() const { return password_; }

 private:
  std::string text_, scheme_, host_, origin_, user_, password_;
};

// application/x-www-form-urlencoded: name=value&…, also the query of a search URL.
std::string form_encode(std::string_view text);

}  // namespace wellhead::webclient
