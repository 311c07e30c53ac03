// What loads leave behind, to read: receipts, rejects, schedules.
#include <array>
#include <charconv>
#include <utility>

#include "library/meta/error.h"
#include "service/zipcode/route_parts.h"

namespace wellhead::zipcode {
namespace {

using storage::Result;
using storage::Statement;
using storage::Value;
using webserver::Parameter;
using webserver::ParameterIn;
using webserver::ParameterType;
using webserver::Request;
using webserver::Response;
using webserver::Route;
using webserver::Task;

// A list of (key, JSON) with conditions that a request may give. {where} and {limit} are put in.
struct RecordList {
  std::string name;
  std::string select;                                        // … FROM …
  std::vector<std::pair<std::string, std::string>> filters;  // parameter, condition with the mark ?
  std::string after;                                         // condition behind a cursor; ? is a part of the key
  std::string order;
  resource::RecordMembers members = {};
};

// Puts the numbers of the parameters in for the marks.
void append_condition(std::string_view condition, int& next, std::string& sql) {
  sql.append(sql.ends_with(" WHERE ") ? "" : " AND ");
  for (const char c : condition) {
    c == '?' ? static_cast<void>(sql.append("$").append(std::to_string(next++))) : sql.push_back(c);
  }
}

std::vector<std::string> parts_of(const std::string& key) {
  std::vector<std::string> parts;
  for (std::size_t start = 0;;) {
    const auto slash = key.find('/', start);
    parts.push_back(key.substr(start, slash - start));
    if (slash == std::string::npos) return parts;
    start = slash + 1;
  }
}

Task<Response> list_records(RouteStatePointer state, std::shared_ptr<const RecordList> list, Request request) {
  std::string query;
  std::string sql = list->select + " WHERE ";
  std::vector<Value> values;
  int next = 1;
  for (const auto& [name, condition] : list->filters) {
    const auto value = request.arguments.text(name);
    if (!value) continue;
    query.append(name).append("=").append(webserver::encode_percent(*value)).append("&");
    append_condition(condition, next, sql);
    values.emplace_back(*value);
  }
  const std::string scope = list->name + "?" + query;
  if (const auto position = resource::record_position(request, scope)) {
    append_condition(list->after, next, sql);
    for (const std::string& part : parts_of(*position)) values.emplace_back(part);
  }
  if (sql.ends_with(" WHERE ")) sql.resize(sql.size() - std::string_view(" WHERE ").size());
  sql += " ORDER BY " + list->order + " LIMIT $" + std::to_string(next) + "::bigint";
  values.emplace_back(request.arguments.integer("limit") + 1);
  const Statement statement(std::move(sql), Statement::Use::once);
  auto reading = state->reading(request).query(statement, std::move(values));
  const Result rows = co_await reading;
  co_return resource::record_page(request, scope, query, list->members, rows);
}

std::string moment(const std::string& value) {
  return "to_char(" + value + " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";
}

RecordList receipts() {
  return {.name = "receipts",
          .select =
              "SELECT c.run_id || '/' || c.resource_type || '/' || c.table_name, json_strip_nulls(json_build_object("
              "'run', c.run_id, 'zipcode', r.zipcode, 'resource_type', c.resource_type, 'table', c.table_name, "
              "'verdict', c.verdict, 'server_total_before', c.server_total_before, 'server_total_after', "
              "c.server_total_after, 'entries_received', c.entries_received, 'duplicates', c.duplicates, "
              "'out_of_zip', c.out_of_zip, 'rejected', c.rejected, 'erased', c.erased, 'filtered', c.filtered, "
              "'staged', c.staged, 'inserted', c.inserted, 'updated', c.updated, 'unchanged', c.unchanged, "
              "'older', c.older, 'missing', c.missing, 'no_longer_found', c.no_longer_found, 'requests', "
              "c.requests, 'retries', c.retries, 'bytes_received', c.bytes_received, 'seconds', c.seconds, "
              "'digest', replace(c.digest::text, '-', ''), 'issued_at', " +
              moment("c.issued_at") + ")) FROM receipt c JOIN run r ON r.run_id = c.run_id",
          .filters = {{"run", "c.run_id = ?"},
                      {"zipcode", "r.zipcode = ?"},
                      {"resource_type", "c.resource_type = ?"},
                      {"verdict", "c.verdict = ?"}},
          .after = "(-c.run_id, c.resource_type COLLATE \"C\", c.table_name COLLATE \"C\") > (-(?::bigint), ?, ?)",
          .order = "-c.run_id, c.resource_type COLLATE \"C\", c.table_name COLLATE \"C\""};
}

std::string reject_members() {
  return "json_strip_nulls(json_build_object('reject', j.reject_id, 'run', j.run_id, 'resource_type', "
         "j.resource_type, 'table', j.table_name, 'resource_id', j.resource_id, 'reason', j.reason, 'bytes', "
         "octet_length(j.raw), 'rejected_at', " +
         moment("j.rejected_at") + "))";
}

RecordList rejects() {
  return {.name = "rejects",
          .select = "SELECT j.reject_id, " + reject_members() + " FROM reject j",
          .filters = {{"run", "j.run_id = ?"},
                      {"zipcode", "j.run_id IN (SELECT run_id FROM run WHERE zipcode = ?)"},
                      {"resource_type", "j.resource_type = ?"}},
          .after = "j.reject_id > ?::bigint",
          .order = "j.reject_id"};
}

RecordList schedules() {
  return {.name = "schedules",
          .select =
              "SELECT s.schedule_id, json_strip_nulls(json_build_object('schedule', s.schedule_id, 'zipcode', "
              "s.input::json->>'zipcode', 'every_seconds', s.every_milliseconds / 1000.0, 'cron', s.cron, "
              "'priority', s.priority, 'overlap', s.overlap, 'paused', s.paused, 'note', nullif(s.note, ''), "
              "'created_at', " +
              moment("s.created_at") + ", 'next_at', " + moment("s.next_at") +
              ", 'loads', s.actions, 'skipped', s.skipped_overlap, 'missed', s.missed_catchup)) FROM "
              "wellhead_journal.schedule s",
          .filters = {{"zipcode", "s.input::json->>'zipcode' = ?"}},
          .after = "s.schedule_id COLLATE \"C\" > ?",
          .order = "s.schedule_id COLLATE \"C\""};
}

// PostgreSQL's hex format of a bytea.
std::string bytes_of(std::string_view hex) {
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t at = 2; at + 1 < hex.size(); at += 2) {
    unsigned value = 0;
    std::from_chars(hex.data() + at, hex.data() + at + 2, value, 16);
    bytes.push_back(static_cast<char>(value));
  }
  return bytes;
}

Task<Response> get_reject_raw(RouteStatePointer state, Request request) {
  static const Statement raw(
      "SELECT raw, CASE WHEN resource_type = 'Patient' THEN coalesce(resource_id, '') ELSE '' END FROM reject WHERE "
      "reject_id = $1");
  std::vector<Value> values;
  values.emplace_back(request.arguments.integer("id"));
  auto reading = state->reading(request).query(raw, std::move(values));
  const Result rows = co_await reading;
  if (rows.empty()) throw meta::Error(meta::ErrorCode::not_found, "There is no reject with this number");
  Response response;
  response.content_type = "application/octet-stream";
  response.body = bytes_of(rows.text(0, 0));
  if (!rows.text(0, 1).empty()) response.patients.emplace_back(rows.text(0, 1));
  co_return response;
}

// --- documentation and validation ------------------------------------------------------------------------------------

Parameter number_parameter(ParameterIn in, std::string name, std::string description) {
  Parameter number;
  number.name = std::move(name);
  number.in = in;
  number.type = ParameterType::integer;
  number.description = std::move(description);
  number.example = "7";
  number.minimum = 1;
  return number;
}

Parameter type_parameter() {
  Parameter type;
  type.name = "resource_type";
  type.description = "Those of this FHIR resource type.";
  type.example = "Observation";
  type.max_length = 64;
  return type;
}

Route list_route(const RouteStatePointer& state, const RouteDocuments& documents, RecordList records,
                 const std::string& item, std::string summary, std::vector<Parameter> parameters) {
  Route route;
  route.path = "/" + records.name;
  route.operation_id = "list_" + records.name;
  route.tag = "Loads";
  route.summary = std::move(summary);
  route.parameters = std::move(parameters);
  resource::add_record_paging(route.parameters);
  route.responses = {documents.page((item == "ListedReceipt" ? "Receipt" : item) + "List", item)};
  records.members = documents.members(item);
  route.problems = {503};
  // schedules are in no zip code's rows.
  route.limited = records.name != "schedules";
  route.handler = [state, list = std::make_shared<const RecordList>(std::move(records))](Request request) {
    return list_records(state, list, std::move(request));
  };
  return route;
}

Route raw_route(const RouteStatePointer& state) {
  Route route;
  route.path = "/rejects/{id}/raw";
  route.operation_id = "get_reject_raw";
  route.tag = "Loads";
  route.summary = "What was received of one reject";
  route.description = "Byte for byte; it may be no JSON.";
  route.parameters.push_back(number_parameter(ParameterIn::path, "id", "Number of the reject."));
  route.responses = {{.description = "The bytes.",
                      .schema = "Bytes",
                      .example = R"("{\"resourceType\":\"Observation\"}")",
                      .content_type = "application/octet-stream"}};
  route.problems = {404, 503};
  route.limited = true;
  route.handler = [state](Request request) { return get_reject_raw(state, std::move(request)); };
  return route;
}

}  // namespace

void add_record_routes(const RouteStatePointer& state, const RouteDocuments& documents, webserver::RouteTable& table) {
  const auto run = [] { return number_parameter(ParameterIn::query, "run", "Those of this run."); };
  const auto zipcode = [] { return zipcode_parameter(ParameterIn::query, "Those of this zip code."); };
  Parameter verdict;
  verdict.name = "verdict";
  verdict.type = ParameterType::choice;
  verdict.description = "Those with this verdict.";
  verdict.example = "incomplete";
  verdict.choices = {"complete", "unverified", "incomplete", "failed"};
  table.add(list_route(state, documents, receipts(), "ListedReceipt", "Receipts, those of the latest run first",
                       {run(), zipcode(), type_parameter(), verdict}));
  table.add(list_route(state, documents, rejects(), "Reject", "Resources that could not become a row",
                       {run(), zipcode(), type_parameter()}));
  table.add(raw_route(state));
  table.add(
      list_route(state, documents, schedules(), "Schedule", "Zip codes that are loaded again and again", {zipcode()}));
}

}  // namespace wellhead::zipcode
