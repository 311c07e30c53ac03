// A request between Beast's parser and the handlers. Internal to the server.
#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/system/error_code.hpp>

#include "library/webserver/http.h"
#include "library/webserver/problem.h"
#include "library/webserver/server.h"

namespace wellhead::webserver {

using RequestParser = boost::beast::http::request_parser<boost::beast::http::string_body>;

void set_limits(RequestParser& parser, const Limits& limits);

// Gives the parser what has come, and takes out of the buffer what it has read; what is left needs more behind it,
// which is no error.
void feed(RequestParser& parser, boost::beast::flat_buffer& came, boost::system::error_code& error);

// What a client is told whose request cannot be parsed.
Problem problem_of(const boost::system::error_code& error, const Limits& limits);

struct ParsedRequest {
  Request request;  // without what the connection knows: worker, client, cursors
  bool keep_alive = false;
  bool chunks = true;    // the client understands chunked transfer coding
  bool refused = false;  // HTTP/1.1 without exactly one Host header; what came is there all the same
};
ParsedRequest take_request(RequestParser& parser);

}  // namespace wellhead::webserver
