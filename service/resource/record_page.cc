#include "service/resource/record_page.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <utility>

#include "library/webserver/cursor.h"
#include "library/webserver/problem.h"
#include "service/resource/row_csv.h"
#include "service/resource/row_json.h"

namespace wellhead::resource {
namespace {

using webserver::Parameter;
using webserver::ParameterType;
using webserver::Request;
using webserver::Response;

constexpr std::int64_t kDefaultRecords = 50;
constexpr std::int64_t kMostRecords = 1000;

enum class Form { json, ndjson, csv };
constexpr std::array<std::string_view, 3> kTypes = {"application/json", "application/x-ndjson",
                                                    "text/csv; charset=utf-8"};

Form form_of(const Request& request) {
  if (const auto format = request.arguments.text("format")) {
    if (*format == "ndjson") return Form::ndjson;
    return *format == "csv" ? Form::csv : Form::json;
  }
  const std::string_view accept = request.header("Accept");
  return accept.empty() ? Form::json : static_cast<Form>(webserver::best_type(accept, kTypes).value_or(0));
}

std::string as_json(const storage::Result& rows, int count, const std::string& next) {
  std::string body = "{\"items\":[";
  for (int row = 0; row < count; ++row) {
    if (row > 0) body.push_back(',');
    body.append(rows.text(row, 1));
  }
  // Nothing in a URL of ours needs escaping in JSON.
  return body.append("],\"next\":").append(next.empty() ? "null" : "\"" + next + "\"").append("}");
}

// What is no text stands there as JSON.
void append_csv_row(const simdjson::dom::object& record, const RecordMembers& members, std::string& out) {
  for (const std::string& name : members) {
    if (&name != &members.front()) out.push_back(',');
    simdjson::dom::element value;
    if (record[name].get(value) != simdjson::SUCCESS || value.is_null()) continue;
    std::string_view text;
    append_csv_field(value.get(text) == simdjson::SUCCESS ? std::string(text) : simdjson::minify(value), out);
  }
  out.append("\r\n");
}

std::string csv_header(const RecordMembers& members) {
  std::string line;
  for (const std::string& name : members) line.append(line.empty() ? "" : ",").append(name);
  return line.append("\r\n");
}

std::string as_csv(const storage::Result& rows, int count, const RecordMembers& members) {
  std::string body = csv_header(members);
  simdjson::dom::parser parser;
  for (int row = 0; row < count; ++row) {
    const simdjson::padded_string text(rows.text(row, 1));
    append_csv_row(parser.parse(text), members, body);
  }
  return body;
}

}  // namespace

RecordMembers record_members(std::string_view schema) {
  simdjson::dom::parser parser;
  const simdjson::padded_string text(schema);
  RecordMembers members;
  for (const auto property : parser.parse(text)["properties"].get_object()) {
    members.emplace_back(property.key);
  }
  return members;
}

Response record_page(const Request& request, const std::string& scope, const std::string& query,
                     const RecordMembers& members, const storage::Result& rows) {
  const auto limit = static_cast<int>(request.arguments.integer("limit"));
  const int count = std::min(rows.rows(), limit);
  std::string next;
  if (rows.rows() > limit) {
    const auto format = request.arguments.text("format");
    next = request.path + "?" + query + (format ? "format=" + std::string(*format) + "&" : "") +
           "limit=" + std::to_string(limit) +
           "&cursor=" + webserver::encode_cursor(request.cursors, scope, {std::string(rows.text(limit - 1, 0))});
  }
  Response response;
  switch (form_of(request)) {
    case Form::json:
      response.body = as_json(rows, count, next);
      break;
    case Form::ndjson:
      for (int row = 0; row < count; ++row) response.body.append(rows.text(row, 1)).push_back('\n');
      break;
    case Form::csv:
      response.body = as_csv(rows, count, members);
  }
  response.content_type = kTypes.at(static_cast<std::size_t>(form_of(request)));
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
  parameters.push_back({.name = "format",
                        .type = ParameterType::choice,
                        .description = "json, ndjson or csv. Overrules Accept.",
                        .example = "json",
                        .choices = {"json", "ndjson", "csv"}});
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

std::vector<webserver::OtherContent> record_forms(const RecordMembers& members, const std::string& line) {
  simdjson::dom::parser parser;
  const simdjson::padded_string text(line);
  std::string table = csv_header(members);
  append_csv_row(parser.parse(text), members, table);
  std::string lines;
  append_json_string(line + "\n", lines);
  std::string csv;
  append_json_string(table, csv);
  return {
      {"application/x-ndjson", R"({"type":"string","description":"An item a line."})", lines},
      {"text/csv",
       R"({"type":"string","description":"A line of names, then an item a line; what is no text, as JSON."})", csv}};
}

}  // namespace wellhead::resource
