// The form in which an answer goes out, by what the client said: not again if it has it (ETag and Last-Modified,
// RFC 9110 §13), and compressed (gzip, zstd).
#pragma once

#include <string>

#include "library/webserver/http.h"

namespace wellhead::webserver {

// What the client said, kept while a handler has its request.
struct AnswerForm {
  bool reads = false;  // GET or HEAD
  std::string accept_encoding;
  std::string if_none_match;
  std::string if_modified_since;

  static AnswerForm of(const Request& request);

  // Gives a JSON answer an ETag, turns one that the client has into 304, and compresses what is worth it. The ETag is
  // weak: it is that of the content, whatever its coding. An answer that has Content-Encoding is left as it is.
  void apply(Response& response) const;
};

// As in Last-Modified (RFC 9110 §5.6.7). moment: 2026-01-31 10:42:00.5+00, as PostgreSQL writes it in UTC; anything
// else gives an empty text.
std::string http_date_of(std::string_view moment);

}  // namespace wellhead::webserver
