#include "library/webserver/problem.h"

#include <algorithm>
#include <array>

#include "library/meta/describe.h"

namespace wellhead::webserver {
namespace {

struct StatusText {
  int status;
  std::string_view text;
};

constexpr auto kStatusTexts = std::to_array<StatusText>({
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {302, "Found"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
});

void text_member(meta::JsonWriter& out, std::string_view name, std::string_view value) {
  meta::write_text(out, name);
  meta::write_text(out, value);
}

// The message of an error of this machine may name hosts and paths: it goes to the log, not to the client.
std::string detail_of(const meta::Error& error) {
  if (error.source() == meta::ErrorSource::input || error.source() == meta::ErrorSource::external) return error.what();
  if (error.http_status() == 503) return "The database does not answer at the moment. Try again later";
  return "Something went wrong on the server's side. Its log tells more under this request_id";
}

}  // namespace

std::string_view status_text(int status) {
  const auto found = std::ranges::find(kStatusTexts, status, &StatusText::status);
  return found == kStatusTexts.end() ? "Unknown" : found->text;
}

Response to_response(const Problem& problem, std::string_view request_id) {
  rapidjson::StringBuffer buffer;
  meta::JsonWriter out(buffer);
  out.StartObject();
  text_member(out, "type", "urn:wellhead:problem:" + problem.code);
  text_member(out, "title", status_text(problem.status));
  out.Key("status");
  out.Int(problem.status);
  text_member(out, "detail", problem.detail);
  if (!request_id.empty()) text_member(out, "request_id", request_id);
  if (!problem.errors.empty()) {
    out.Key("errors");
    out.StartArray();
    for (const FieldError& error : problem.errors) {
      out.StartObject();
      text_member(out, "field", error.field);
      text_member(out, "message", error.message);
      out.EndObject();
    }
    out.EndArray();
  }
  out.EndObject();
  Response response;
  response.status = problem.status;
  response.content_type = "application/problem+json";
  response.body.assign(buffer.GetString(), buffer.GetSize());
  return response;
}

Response to_response(std::exception_ptr error, std::string_view request_id) {
  try {
    std::rethrow_exception(error);
  } catch (const InvalidArgument& wrong) {
    return to_response(Problem{400, "invalid_input", wrong.message(), {wrong.field()}}, request_id);
  } catch (const meta::Error& known) {
    const int status = known.http_status();
    const Problem problem{status, std::string(to_string(known.code())), detail_of(known), {}};
    Response response = to_response(problem, request_id);
    if (known.retry_after() || status == 503) {
      const auto wait = known.retry_after().value_or(std::chrono::seconds(1));
      const auto seconds = std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(wait).count());
      response.headers.emplace_back("Retry-After", std::to_string(seconds));
    }
    return response;
  } catch (...) {
    return to_response(
        Problem{
            500, "internal", "Something went wrong on the server's side. Its log tells more under this request_id", {}},
        request_id);
  }
}

std::string_view problem_schema() {
  return R"({
    "type": "object",
    "description": "An error (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
      "type": {"type": "string", "description": "What kind of error: urn:wellhead:problem:CODE."},
      "title": {"type": "string"},
      "status": {"type": "integer", "minimum": 400, "maximum": 599},
      "detail": {"type": "string", "description": "What happened and what to do."},
      "request_id": {"type": "string", "description": "As in the header X-Request-Id and in the server's log."},
      "errors": {
        "type": "array",
        "description": "The fields that are wrong.",
        "items": {
          "type": "object",
          "required": ["field", "message"],
          "properties": {"field": {"type": "string"}, "message": {"type": "string"}}
        }
      }
    }
  })";
}

}  // namespace wellhead::webserver
