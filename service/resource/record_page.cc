#include "service/resource/record_page.h"

#include <utility>

#include "library/webserver/cursor.h"
#include "library/webserver/problem.h"

namespace wellhead::resource {
namespace {

using webserver::Parameter;
using webserver::ParameterType;
using webserver::Request;
using webserver::Response;

constexpr std::int64_t kDefaultRecords = 50;
constexpr std::int64_t kMostRecords = 1000;

}  // namespace

Response record_page(const Request& request, const std::string& scope, const std::string& query,
                     const storage::Result& rows) {
  const auto limit = static_cast<int>(request.arguments.integer("limit"));
  std::string next;
  std::string body = "{\"items\":[";
  for (int row = 0; row < rows.rows() && row < limit; ++row) {
    if (row > 0) body.push_back(',');
    body.append(rows.text(row, 1));
  }
  if (rows.rows() > limit) {
    next = request.path + "?" + query + "limit=" + std::to_string(limit) +
           "&cursor=" + webserver::encode_cursor(request.cursors, scope, {std::string(rows.text(limit - 1, 0))});
  }
  // Nothing in a URL of ours needs escaping in JSON.
  body.append("],\"next\":").append(next.empty() ? "null" : "\"" + next + "\"").append("}");
  Response response = Response::json(std::move(body));
  if (!next.empty()) response.headers.emplace_back("Link", "<" + next + ">; rel=\"next\"");
  return response;
}

std::optional<std::string> record_position(const Request& request, const std::string& scope) {
  const auto cursor = request.arguments.text("cursor");
  if (!cursor) return std::nullopt;
  const auto parts = webserver::decode_cursor(request.cursors, scope, *cursor);
  if (!parts || parts->size() != 1) {
    throw webserver::InvalidArgument(
        {"cursor", "is no cursor of this list with these filters; begin again without it"});
  }
  return parts->front();
}

void add_record_paging(std::vector<Parameter>& parameters) {
  Parameter limit;
  limit.name = "limit";
  limit.type = ParameterType::integer;
  limit.description = "How many at most.";
  limit.example = "50";
  limit.minimum = 1;
  limit.maximum = kMostRecords;
  limit.fallback = kDefaultRecords;
  Parameter cursor;
  cursor.name = "cursor";
  cursor.description = "Where to go on: take the URL in `next` of the page before, as it is.";
  cursor.max_length = 2000;
  parameters.push_back(std::move(limit));
  parameters.push_back(std::move(cursor));
}

}  // namespace wellhead::resource
