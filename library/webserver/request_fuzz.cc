// Any bytes on a connection, in pieces of any size: refused by a word, or a request that is checked and answered as the
// table of routes says.
#include <algorithm>
#include <boost/beast/core/flat_buffer.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "library/webserver/answer_form.h"
#include "library/webserver/answer_head.h"
#include "library/webserver/incoming_request.h"
#include "library/webserver/session.h"

namespace {

using namespace wellhead::webserver;

void require(bool holds) {
  if (!holds) std::abort();
}

Task<Response> nothing(Request) { co_return Response(); }

Route route(Method method, const char* path, std::vector<Parameter> parameters) {
  Route out;
  out.method = method;
  out.path = path;
  out.operation_id = path;
  out.parameters = std::move(parameters);
  out.responses = {{.description = "An answer."}};
  out.handler = nothing;
  return out;
}

const RouteTable& table() {
  static const RouteTable* const made = [] {
    auto* out = new RouteTable({.title = "Fuzz", .version = "1", .version_path = "/v1"});
    Parameter id{.name = "id", .in = ParameterIn::path};
    out->add(route(Method::get, "/patients",
                   {{.name = "last_name", .repeatable = true},
                    {.name = "limit", .type = ParameterType::integer, .minimum = 1, .maximum = 1000, .fallback = 50}}));
    out->add(route(Method::get, "/patients/{id}", {id}));
    out->add(route(Method::post, "/words", {{.name = "word", .in = ParameterIn::body, .required = true}}));
    return out;
  }();
  return *made;
}

// No answer may be split by what a client has sent (RFC 9110 §5.5).
void check_head(const Response& response, const Request& request) {
  const std::string head =
      head_of(response, {.request_id = request.id, .cors = true, .origin = request.header("Origin")});
  require(head.ends_with("\r\n\r\n") && head.find("\r\n\r\n") == head.size() - 4);
}

void answer(ParsedRequest parsed) {
  Request& request = parsed.request;
  const AnswerForm form = AnswerForm::of(request);
  static_cast<void>(credential_of(request));
  Admission admission = find_route(table(), request);
  std::string origin;
  allow_origin({"https://a.test"}, request, admission, origin);
  require(origin.empty() || origin == "https://a.test");
  Response response = Response::json("{}");
  if (admission.response) {
    response = std::move(*admission.response);
  } else if (auto refused = check_request(admission, request)) {
    require(refused->status >= 400 && refused->status < 500);
    response = std::move(*refused);
  }
  form.apply(response);
  check_head(response, request);
}

// As a session does: gives the parser what there is, and more when it has taken it.
void receive(std::string_view bytes, std::size_t piece) {
  const Limits limits{.header_bytes = 2048, .body_bytes = 4096};
  boost::beast::flat_buffer buffer;
  for (int requests = 0; requests < 8; ++requests) {
    RequestParser parser;
    set_limits(parser, limits);
    while (!parser.is_done()) {
      boost::system::error_code error;
      feed(parser, buffer, error);
      if (error) {
        const Problem problem = problem_of(error, limits);
        require(problem.status >= 400 && problem.status < 600 && !problem.detail.empty());
        return;
      }
      if (parser.is_done()) break;
      const std::size_t count = std::min(piece, bytes.size());
      if (count == 0) return;
      std::memcpy(buffer.prepare(count).data(), bytes.data(), count);
      buffer.commit(count);
      bytes.remove_prefix(count);
      require(buffer.size() <= limits.header_bytes + limits.body_bytes + piece);
    }
    ParsedRequest parsed = take_request(parser);
    require(parsed.request.body.size() <= limits.body_bytes);
    if (!parsed.refused) answer(std::move(parsed));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::max<std::size_t>(size, 1)})
    receive(bytes, piece);
  return 0;
}
