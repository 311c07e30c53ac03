#include <algorithm>

#include "library/webserver/session.h"

namespace wellhead::webserver {
namespace {

std::string allow(std::vector<Method> methods) {
  methods.push_back(Method::options);
  std::string out;
  for (const Method method : methods) out.append(out.empty() ? "" : ", ").append(to_string(method));
  return out;
}

// OPTIONS says what a path takes; every other method that it does not take is refused.
Response wrong_method(const Request& request, const RouteTable::Match& match) {
  Response response;
  if (request.method == Method::options) {
    response.status = 204;
    response.content_type.clear();
  } else {
    response = to_response(
        Problem{405, "method_not_allowed", "This path does not take " + std::string(to_string(request.method)), {}},
        request.id);
  }
  response.headers.emplace_back("Allow", allow(match.allowed));
  return response;
}

bool acceptable(const Request& request, const Route& route) {
  const std::string_view accept = request.header("Accept");
  return accept.empty() || std::ranges::any_of(route.responses, [&](const ResponseSpec& response) {
           return response.content_type.empty() || accepts(accept, response.content_type) ||
                  std::ranges::any_of(response.others,
                                      [&](const OtherContent& other) { return accepts(accept, other.content_type); });
         });
}

bool is_json_type(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  while (content_type.ends_with(' ')) content_type.remove_suffix(1);
  return content_type.empty() || same_name(content_type, "application/json") ||
         (content_type.starts_with("application/") && content_type.ends_with("+json"));
}

}  // namespace

Admission find_route(const RouteTable& table, const Request& request) {
  Admission admission;
  admission.match = table.match(request.method, request.path);
  admission.route = admission.match.route;
  if (admission.route) return admission;
  if (admission.match.allowed.empty()) {
    admission.response = to_response(
        Problem{404, "not_found", "There is nothing at this path. /openapi.json lists what there is", {}}, request.id);
  } else {
    admission.response = wrong_method(request, admission.match);
  }
  return admission;
}

void allow_origin(const std::vector<std::string>& origins, const Request& request, Admission& admission,
                  std::string& origin) {
  const std::string_view asked = request.header("Origin");
  const bool all = std::ranges::find(origins, "*") != origins.end();
  if (asked.empty() || (!all && std::ranges::find(origins, asked) == origins.end())) return;
  origin = all ? "*" : asked;
  const bool preflight = request.method == Method::options && !request.header("Access-Control-Request-Method").empty();
  if (!preflight || admission.match.allowed.empty()) return;
  auto& headers = admission.response->headers;
  headers.emplace_back("Access-Control-Allow-Methods", allow(admission.match.allowed));
  headers.emplace_back("Access-Control-Allow-Headers",
                       "Accept, Authorization, Content-Type, Idempotency-Key, If-Modified-Since, If-None-Match, "
                       "Last-Event-ID, Prefer, X-API-Key, X-Request-Id");
  headers.emplace_back("Access-Control-Max-Age", "600");
}

std::optional<Response> check_request(const Admission& admission, Request& request) {
  const RouteTable::Match& match = admission.match;
  const auto refuse = [&](const Problem& problem) { return to_response(problem, request.id); };
  const auto query = decode_query(request.query);
  if (match.malformed || !query) {
    return refuse(
        {400, "malformed_request", "The URL has a broken percent escape, a control character or no UTF-8", {}});
  }
  if (!acceptable(request, *match.route)) {
    return refuse({406, "not_acceptable", "This path answers " + match.route->responses.front().content_type, {}});
  }
  if (match.route->has_body() && !is_json_type(request.header("Content-Type"))) {
    return refuse({415, "unsupported_media_type", "Send the body as Content-Type: application/json", {}});
  }
  std::vector<FieldError> errors =
      check_arguments(match.route->parameters, match.path_values, *query, request.body, request.arguments);
  if (errors.empty()) return std::nullopt;
  std::string detail = errors.front().field + " " + errors.front().message;
  return refuse({400, "invalid_input", std::move(detail), std::move(errors)});
}

}  // namespace wellhead::webserver
