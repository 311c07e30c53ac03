#include "service/resource/routes.h"

#include <simdjson.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "library/meta/error.h"
#include "library/webserver/answer_form.h"
#include "service/resource/deidentified.h"
#include "service/resource/list_answer.h"
#include "service/resource/list_request.h"
#include "service/resource/route_documents.h"
#include "service/resource/served_resource.h"

namespace wellhead::resource {
namespace {

using storage::Result;
using storage::Value;
using webserver::Parameter;
using webserver::ParameterIn;
using webserver::Request;
using webserver::Response;
using webserver::Route;
using webserver::Task;

constexpr std::string_view kIdPattern = "^[A-Za-z0-9\\-.]{1,64}$";
constexpr std::size_t kLongestId = 64;
constexpr std::string_view kAnyIdPattern = "^[A-Za-z0-9\\-._]{1,119}$";
static_assert(kLongestPseudonym == 119);

bool is_any_id(std::string_view text) {
  return !text.empty() && text.size() <= kLongestPseudonym && std::ranges::all_of(text, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  });
}
constexpr std::int64_t kCountedExactly = 10'000;  // by an estimate

// What EXPLAIN (FORMAT JSON) believes: [{"Plan": {"Plan Rows": n, …}}].
std::int64_t planned_rows(std::string_view json) {
  simdjson::dom::parser parser;
  const simdjson::padded_string padded(json);
  double rows = 0;
  if (parser.parse(padded).at_pointer("/0/Plan/Plan Rows").get(rows) != simdjson::SUCCESS) return 0;
  return static_cast<std::int64_t>(rows);
}

Task<Count> count_rows(ServedResourcePointer resource, Reading* connection, CountKind kind, ListShape shape,
                       std::vector<Value> values) {
  Count count{.kind = kind, .rows = 0};
  if (kind == CountKind::none) co_return count;
  shape.cursor = false;
  shape.start = ListStart::first;
  shape.order = {};
  shape.part = ListPart::count;
  std::vector<Value> bounded = values;
  bounded.emplace_back(kind == CountKind::exact ? std::numeric_limits<std::int64_t>::max() : kCountedExactly + 1);
  const auto counting = resource->statements.get(shape);
  auto query = connection->query(*counting, std::move(bounded));
  const Result counted = co_await query;
  count.rows = counted.integer(0, 0);
  if (kind == CountKind::exact) co_return count;
  if (count.rows <= kCountedExactly) {
    count.kind = CountKind::exact;
    co_return count;
  }
  shape.part = ListPart::estimate;
  const auto explaining = resource->statements.get(shape);
  auto explained = connection->query(*explaining, std::move(values));
  const Result plan = co_await explained;
  count.rows = std::max(count.rows, planned_rows(plan.text(0, 0)));
  co_return count;
}

Task<void> require_patient(ServedResourcePointer resource, Reading* connection, std::string id) {
  std::vector<Value> parameters;
  parameters.emplace_back(std::move(id));
  auto exists = connection->query(resource->patient_exists, std::move(parameters));
  const Result found = co_await exists;
  if (found.empty()) throw meta::Error(meta::ErrorCode::not_found, "There is no patient with this id");
}

// What is served, to keys of the role deidentified too if their view is marked for them.
struct ServedTwice {
  ServedResourcePointer full;
  ServedResourcePointer deidentified;  // null: not to them
};

bool is_deidentified(const Request& request) {
  return request.principal && request.principal->role == webserver::Role::deidentified;
}

Task<Response> list(ServedTwice served, Request request, bool below_patient) {
  const bool hides = is_deidentified(request);
  ServedResourcePointer resource = hides ? served.deidentified : served.full;
  if (hides) {
    std::optional<Response> refused = refuse_hidden(*served.full, *resource, request);
    if (refused) co_return std::move(*refused);
  }
  Reading connection(resource->services.connections, request);
  const ListFormat format = format_of(request);
  ListRequest wanted = read_list_request(*resource, request, below_patient);
  const bool lines = format == ListFormat::ndjson || format == ListFormat::csv;
  if (lines && !request.arguments.given("limit") && !wanted.shape.cursor && request.method == webserver::Method::get) {
    if (below_patient) {
      auto patient = require_patient(resource, &connection, id_of(*resource, request, "patient"));
      co_await patient;
    }
    auto whole = whole_list(resource, std::move(request), std::move(wanted), format);
    co_return co_await whole;
  }
  wanted.shape.raw = format == ListFormat::fhir;
  if (wanted.shape.raw && connection.limited()) co_return not_for_limited_keys(request);
  std::vector<Value> values = wanted.page_values();
  values.emplace_back(wanted.limit + 1);
  const auto statement = resource->statements.get(wanted.shape);
  auto query = connection.query(*statement, std::move(values));
  Result rows = co_await query;
  const int count = static_cast<int>(std::min<std::int64_t>(rows.rows(), wanted.limit));
  std::vector<Children> children;
  if (count > 0 && !resource->embedded.empty() && (format == ListFormat::json || format == ListFormat::ndjson)) {
    children = co_await read_children(resource, &connection, key_array(*resource, rows, count), wanted.fields);
  } else if (count == 0 && below_patient) {
    auto patient = require_patient(resource, &connection, id_of(*resource, request, "patient"));
    co_await patient;
  }
  Count counted;
  if (wanted.count != CountKind::none) {
    counted = co_await count_rows(resource, &connection, wanted.count, wanted.shape, wanted.filter_values);
  }
  Response response;
  std::vector<std::string> patients;
  add_patients(*resource, rows, count, patients);
  if (format == ListFormat::fhir) {
    auto bundle = bundle_page(resource, std::move(request), wanted, counted, std::move(rows));
    response = co_await bundle;
  } else if (lines) {
    response = lines_page(resource, request, wanted, rows, children, format);
  } else {
    response = json_page(*resource, request, wanted, rows, children, counted);
  }
  response.patients = std::move(patients);
  if (!wanted.count_preference.empty()) response.headers.emplace_back("Preference-Applied", wanted.count_preference);
  co_return response;
}

Task<Response> one(ServedTwice served, Request request) {
  const ServedResourcePointer resource = is_deidentified(request) ? served.deidentified : served.full;
  Reading connection(resource->services.connections, request);
  std::vector<Value> parameters;
  parameters.emplace_back(id_of(*resource, request, noun_of(resource->api)));
  auto query = connection.query(resource->one, std::move(parameters));
  const Result rows = co_await query;
  if (rows.empty())
    throw meta::Error(meta::ErrorCode::not_found, "There is no " + noun_of(resource->api) + " with this id");
  const FieldMask all;
  std::vector<Children> children;
  if (!resource->embedded.empty()) {
    children = co_await read_children(resource, &connection, key_array(*resource, rows, 1), all);
  }
  std::string body;
  body.reserve(2048);
  append_item(*resource, rows, 0, children, all, body);
  Response response = Response::json(std::move(body));
  add_patients(*resource, rows, 1, response.patients);
  if (resource->api.table.deidentified) co_return response;
  // loaded_at is the last of the columns shown.
  const auto changed = webserver::http_date_of(rows.text(0, static_cast<int>(resource->shown.size()) - 1));
  if (!changed.empty()) response.headers.emplace_back("Last-Modified", changed);
  co_return response;
}

Route with_handler(Route route, webserver::Handler handler) {
  route.handler = std::move(handler);
  return route;
}

}  // namespace

ApiTable ApiTable::of(const converter::View& view) { return {view.name(), view.description(), view.columns()}; }

bool is_fhir_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

Parameter id_parameter(ParameterIn in, std::string name, std::string description) {
  Parameter parameter;
  parameter.name = std::move(name);
  parameter.in = in;
  parameter.description = std::move(description);
  parameter.example = "f2b7c6d0-3c0e-4a51-9d6b-0e7a5f1c2d34";
  parameter.pattern = webserver::Pattern{kIdPattern, is_fhir_id};
  parameter.max_length = kLongestId;
  return parameter;
}

Parameter any_id_parameter(ParameterIn in, std::string name, std::string description) {
  Parameter parameter = id_parameter(in, std::move(name), std::move(description));
  parameter.pattern = webserver::Pattern{kAnyIdPattern, is_any_id};
  parameter.max_length = kLongestPseudonym;
  return parameter;
}

void add_routes(const ResourceApi& api, const ResourceServices& services, webserver::RouteTable& table) {
  const auto resource = std::make_shared<const ServedResource>(api, services);
  ServedTwice served{resource, nullptr};
  if (auto hides = deidentified(api)) {
    add_schemas(*hides, table);
    served.deidentified = std::make_shared<const ServedResource>(std::move(*hides), services);
  }
  add_schemas(api, table);
  const auto add_list = [&](const std::string& path, bool below_patient) {
    Route route = list_route(api, path, below_patient);
    route.deidentified = served.deidentified != nullptr;
    if (route.deidentified) {
      route.description += " A key of the role deidentified gets items of the schema " +
                           served.deidentified->api.schema +
                           " instead, and has the filters of its members alone; ids it gives as their pseudonyms.";
    }
    table.add(with_handler(std::move(route), [served, below_patient](Request request) {
      return list(served, std::move(request), below_patient);
    }));
  };
  add_list(api.path, false);
  Route single = one_route(api);
  single.deidentified = served.deidentified != nullptr;
  if (single.deidentified) {
    single.description += " A key of the role deidentified gives the pseudonym, and gets one of the schema " +
                          served.deidentified->api.schema + ".";
  }
  table.add(with_handler(std::move(single), [served](Request request) { return one(served, std::move(request)); }));
  table.add(
      with_handler(raw_route(api), [resource](Request request) { return raw_resource(resource, std::move(request)); }));
  if (!api.path_below_patient.empty()) add_list(api.path_below_patient, true);
}

}  // namespace wellhead::resource
