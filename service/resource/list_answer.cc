#include "service/resource/list_answer.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <utility>

#include "library/meta/error.h"
#include "library/storage/blob/frames.h"
#include "library/webserver/problem.h"
#include "service/resource/export_stream.h"

namespace wellhead::resource {
namespace {

using storage::Result;
using webserver::Request;
using webserver::Response;
using webserver::Task;

constexpr std::array<std::string_view, 4> kListTypes = {"application/json", "application/x-ndjson",
                                                        "text/csv; charset=utf-8", "application/fhir+json"};

int shown_rows(const ListRequest& list, const Result& rows) {
  return static_cast<int>(std::min<std::int64_t>(rows.rows(), list.limit));
}

// The URL of the next page, which also goes into the header Link; empty on the last.
std::string link_next(const ServedResource& resource, const Request& request, const ListRequest& list,
                      const Result& rows, Response& response) {
  if (rows.rows() <= list.limit) return {};
  std::string next = next_page(resource, request, list, rows, static_cast<int>(list.limit) - 1);
  response.headers.emplace_back("Link", "<" + next + ">; rel=\"next\"");
  return next;
}

std::unique_ptr<RowFormat> row_format(const ServedResourcePointer& resource, const ListRequest& list,
                                      ListFormat format) {
  if (format == ListFormat::ndjson) return ndjson_format(resource, list.fields);
  return csv_format(resource, list.fields);
}

// Where the resource of a row lies.
struct RawPlace {
  std::string blob;
  std::int32_t frame = 0;
  std::int32_t line = 0;
};

RawPlace place_of(const Result& rows, int row, int first_column) {
  return {std::string(rows.text(row, first_column)), static_cast<std::int32_t>(rows.integer(row, first_column + 1)),
          static_cast<std::int32_t>(rows.integer(row, first_column + 2))};
}

// In the order of the places; empty where a row has none. Blocks; reads each frame once.
std::vector<std::string> read_raw(storage::BlobStore& blobs, const std::vector<RawPlace>& places) {
  std::map<std::pair<std::string, std::int32_t>, std::vector<std::size_t>> by_frame;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (!places[i].blob.empty()) by_frame[{places[i].blob, places[i].frame}].push_back(i);
  }
  std::vector<std::string> raw(places.size());
  for (const auto& [frame, wanted] : by_frame) {
    std::vector<std::int32_t> lines;
    for (const std::size_t i : wanted) lines.push_back(places[i].line);
    auto found = storage::read_lines(blobs, {frame.first}, frame.second, lines);
    for (std::size_t i = 0; i < wanted.size(); ++i) raw[wanted[i]] = std::move(found[i]);
  }
  return raw;
}

Response no_blobs(const Request& request) {
  return to_response(
      webserver::Problem{503,
                         "no_raw_resources",
                         "This server has no blob store to read the resources as they were received from",
                         {}},
      request.id);
}

void append_link(std::string_view relation, const std::string& url, std::string& body) {
  body.append(R"({"relation":")").append(relation).append(R"(","url":)");
  append_json_string(url, body);
  body.push_back('}');
}

std::string bundle_json(const Request& request, const std::string& next, const Count& counted,
                        const std::vector<std::string>& raw) {
  std::string body = R"({"resourceType":"Bundle","type":"searchset",)";
  if (counted.kind == CountKind::exact) body.append("\"total\":").append(std::to_string(counted.rows)).append(",");
  body.append("\"link\":[");
  append_link("self", request.path + (request.query.empty() ? "" : "?" + request.query), body);
  if (!next.empty()) {
    body.push_back(',');
    append_link("next", next, body);
  }
  body.append("]");
  bool first = true;
  for (const std::string& resource : raw) {
    if (resource.empty()) continue;
    body.append(std::exchange(first, false) ? ",\"entry\":[" : ",")
        .append("{\"resource\":")
        .append(resource)
        .append(",\"search\":{\"mode\":\"match\"}}");
  }
  if (!first) body.push_back(']');
  return body.append("}");
}

}  // namespace

// The policies are of rows; of the blobs PostgreSQL knows nothing.
Response not_for_limited_keys(const Request& request) {
  return to_response(
      webserver::Problem{403, "forbidden", "A key for some zip codes gets no resources as they were received", {}},
      request.id);
}

std::string_view content_type(ListFormat format) { return kListTypes.at(static_cast<std::size_t>(format)); }

ListFormat format_of(const Request& request) {
  if (const auto format = request.arguments.text("format")) {
    if (*format == "ndjson") return ListFormat::ndjson;
    if (*format == "csv") return ListFormat::csv;
    return *format == "fhir" ? ListFormat::fhir : ListFormat::json;
  }
  const std::string_view accept = request.header("Accept");
  if (accept.empty()) return ListFormat::json;
  return static_cast<ListFormat>(webserver::best_type(accept, kListTypes).value_or(0));
}

Response json_page(const ServedResource& resource, const Request& request, const ListRequest& list, const Result& rows,
                   const std::vector<Children>& children, const Count& counted) {
  const int count = shown_rows(list, rows);
  Response response;
  std::string& body = response.body;
  body.reserve(static_cast<std::size_t>(count) * 1024 + 64);
  body.append("{\"items\":[");
  for (int row = 0; row < count; ++row) {
    if (row > 0) body.push_back(',');
    append_item(resource, rows, row, children, list.fields, body);
  }
  body.append("],\"next\":");
  const std::string next = link_next(resource, request, list, rows, response);
  next.empty() ? static_cast<void>(body.append("null")) : append_json_string(next, body);
  if (counted.kind != CountKind::none) {
    body.append(",\"count\":").append(std::to_string(counted.rows)).append(",\"count_kind\":");
    body.append(counted.kind == CountKind::exact ? "\"exact\"" : "\"estimated\"");
  }
  if (list.shape.zipcode && count > 0) {
    const std::string_view as_of = rows.text(0, static_cast<int>(resource.shown.size()));
    if (as_of != "0") body.append(",\"as_of_run\":").append(as_of);
  }
  body.push_back('}');
  return response;
}

Response lines_page(const ServedResourcePointer& resource, const Request& request, const ListRequest& list,
                    const Result& rows, const std::vector<Children>& children, ListFormat format) {
  const auto lines = row_format(resource, list, format);
  Response response;
  response.content_type = content_type(format);
  response.body = lines->begin();
  lines->write(rows, shown_rows(list, rows), children, response.body);
  link_next(*resource, request, list, rows, response);
  return response;
}

Task<Response> whole_list(ServedResourcePointer resource, Request request, ListRequest list, ListFormat format) {
  Response response;
  response.content_type = content_type(format);
  auto lines = row_format(resource, list, format);
  response.stream = co_await open_export(resource, &resource->services.exports, request.worker->index(),
                                         std::move(list), row_limits(request), std::move(lines));
  co_return response;
}

Task<Response> bundle_page(ServedResourcePointer resource, Request request, ListRequest list, Count counted,
                           Result rows) {
  if (resource->services.blobs == nullptr) co_return no_blobs(request);
  const int first_column = static_cast<int>(resource->shown.size()) + (list.shape.zipcode ? 1 : 0);
  std::vector<RawPlace> places;
  const int shown = shown_rows(list, rows);
  places.reserve(static_cast<std::size_t>(shown));
  for (int row = 0; row < shown; ++row) places.push_back(place_of(rows, row, first_column));
  std::function<std::vector<std::string>()> read = [blobs = resource->services.blobs, places = std::move(places)] {
    return read_raw(*blobs, places);
  };
  auto reading = resource->services.pool.run<std::vector<std::string>>(*request.worker, std::move(read));
  const std::vector<std::string> raw = co_await reading;
  Response response;
  response.content_type = content_type(ListFormat::fhir);
  const std::string next = link_next(*resource, request, list, rows, response);
  response.body = bundle_json(request, next, counted, raw);
  co_return response;
}

Task<Response> raw_resource(ServedResourcePointer resource, Request request) {
  if (resource->services.blobs == nullptr) co_return no_blobs(request);
  std::vector<storage::Value> parameters;
  parameters.emplace_back(request.arguments.text("id").value_or(""));
  Reading connection(resource->services.connections, request);
  auto query = connection.query(resource->raw, std::move(parameters));
  const Result rows = co_await query;
  if (rows.empty() || rows.is_null(0, 0)) {
    throw meta::Error(meta::ErrorCode::not_found, "There is no " + noun_of(resource->api) + " with this id");
  }
  std::function<std::vector<std::string>()> read = [blobs = resource->services.blobs, place = place_of(rows, 0, 0)] {
    return read_raw(*blobs, {place});
  };
  auto reading = resource->services.pool.run<std::vector<std::string>>(*request.worker, std::move(read));
  const std::vector<std::string> raw = co_await reading;
  Response response;
  response.content_type = content_type(ListFormat::fhir);
  response.body = raw.front();
  response.patients.emplace_back(rows.text(0, 3));
  co_return response;
}

}  // namespace wellhead::resource
