// The first lines of an answer: status and headers. Internal to the server.
#pragma once

#include <string>
#include <string_view>

#include "library/webserver/http.h"

namespace wellhead::webserver {

struct AnswerHead {
  std::string_view request_id;
  bool keep_alive = false;
  bool chunks = false;  // a stream is sent in chunks
  bool tls = false;
  bool cors = false;        // some origins may read answers
  std::string_view origin;  // that may read this one
};

// Every answer tells browsers to make no page of it, no frame and no copy, unless its handler has said something else
// under the same name. What is a page (text/html) gets by with what this server has: scripts, styles and images of its
// own, and inline styles.
std::string head_of(const Response& response, const AnswerHead& head);

}  // namespace wellhead::webserver
