#include "service/resource/route_documents.h"

#include <algorithm>
#include <utility>

#include "library/meta/error.h"
#include "service/resource/list_query.h"
#include "service/resource/list_request.h"
#include "service/resource/row_json.h"
#include "service/resource/served_resource.h"

namespace wellhead::resource {
namespace {

using converter::Column;
using converter::FilterKind;
using webserver::Operand;
using webserver::Parameter;
using webserver::ParameterIn;
using webserver::ParameterType;
using webserver::ResponseSpec;
using webserver::Route;

std::string filter_description(const Column& column, const ListFilter& filter, const FilterNote* note) {
  std::string text = note && !note->description.empty() ? note->description : column.description + ".";
  if (filter.operand) {
    text +=
        " Equal, or with an operator in front: ne, lt, le, gt, ge. Given again: any of the values, and all of the "
        "bounds.";
    if (*filter.operand == Operand::date || *filter.operand == Operand::moment) {
      text += " A year or a month is the whole of it.";
    }
  } else if (column.filter == FilterKind::prefix) {
    text += " Matches the beginning, upper or lower case; given again, any of them.";
  } else {
    text += " Matches exactly; given again, any of them.";
  }
  if (column.filter == FilterKind::scan) text += " Has no index: give it beside another filter.";
  return text;
}

std::string example_of(const ListFilter& filter) {
  if (!filter.operand) return filter.sql_type == "boolean" ? "true" : "";
  switch (*filter.operand) {
    case Operand::date:
      return "ge1980-01-01";
    case Operand::moment:
      return "ge2024&lt2025";
    case Operand::number:
      return "gt7";
    case Operand::integer:
      break;
  }
  return "ge3";
}

Parameter filter_parameter(const ResourceApi& api, const ListFilter& filter) {
  const Column& column = *std::ranges::find(api.table.columns, filter.column, &Column::name);
  const auto noted = std::ranges::find(api.filter_notes, filter.column, &FilterNote::column);
  const FilterNote* note = noted == api.filter_notes.end() ? nullptr : &*noted;
  Parameter parameter;
  if (filter.column == api.patient_column) {
    parameter = any_id_parameter(ParameterIn::query, filter.parameter, "");
  } else {
    parameter.name = filter.parameter;
    parameter.example = note && !note->example.empty() ? note->example : example_of(filter);
    if (filter.operand) {
      parameter.type = ParameterType::clause;
      parameter.operand = *filter.operand;
    } else if (filter.sql_type == "boolean") {
      parameter.type = ParameterType::boolean;
    } else if (filter.sql_type != "text") {
      throw meta::Error(meta::ErrorCode::invalid_view,
                        "column " + column.name + " of the view " + api.table.name + " has a type that is no filter");
    }
  }
  parameter.description = filter_description(column, filter, note);
  parameter.repeatable = parameter.type != ParameterType::boolean;
  return parameter;
}

constexpr const char* kBundleSchema = R"json({
  "type": "object", "description": "A FHIR R4 searchset Bundle.", "required": ["resourceType", "type", "link"],
  "properties": {
    "resourceType": {"type": "string", "enum": ["Bundle"]},
    "type": {"type": "string", "enum": ["searchset"]},
    "total": {"type": "integer"},
    "link": {"type": "array", "items": {"type": "object"}},
    "entry": {"type": "array", "items": {"type": "object", "required": ["resource"]}}}})json";
constexpr const char* kRawSchema = R"json({
  "type": "object", "description": "A FHIR R4 resource.", "required": ["resourceType"],
  "properties": {"resourceType": {"type": "string"}}})json";

// What every list takes beside its filters.
std::vector<Parameter> common_parameters(const ResourceApi& api) {
  return {{.name = "include",
           .type = ParameterType::choice,
           .description = "no_longer_found: those, too, that the last complete run did not find any more.",
           .example = "no_longer_found",
           .choices = {"no_longer_found"}},
          {.name = "sort",
           .type = ParameterType::choice,
           .description = "In which order: by the id, or by the column of a filter; downwards with a minus sign. Rows "
                          "without a value are the last, and the first downwards.",
           .example = "-" + key_column(api.table),
           .choices = sort_names(api)},
          {.name = "fields",
           .type = ParameterType::choices,
           .description = "Only these members, with commas between.",
           .example = key_column(api.table) + ",last_seen_run",
           .choices = field_names(api)},
          {.name = "count",
           .type = ParameterType::choice,
           .description = "Says how many there are on all pages. estimated: exact up to 10,000, beyond that as the "
                          "database's planner believes. Also as `Prefer: count=exact`.",
           .example = "exact",
           .choices = {"exact", "estimated"}},
          {.name = "format",
           .type = ParameterType::choice,
           .description = "json; ndjson or csv, which are of all rows unless limit or cursor is given; fhir, a "
                          "searchset Bundle of the resources as they were received. Overrules Accept.",
           .example = "json",
           .choices = {"json", "ndjson", "csv", "fhir"}},
          {.name = "limit",
           .type = ParameterType::integer,
           .description = "How many at most on a page.",
           .example = "50",
           .minimum = 1,
           .maximum = kMaxLimit,
           .fallback = kDefaultLimit},
          {.name = "cursor",
           .description = "Where to go on: take the URL in `next` of the page before, as it is.",
           .max_length = 4000}};
}

std::string capitalized(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

std::string properties(const std::vector<Column>& columns) {
  std::string out;
  for (const Column& column : columns) {
    if (!out.empty()) out.push_back(',');
    append_json_string(column.name, out);
    out.append(":").append(column_schema(column));
  }
  return out;
}

// No member is required: `fields` may leave out any of them.
std::string object_schema(std::string_view description, const std::vector<Column>& columns, const std::string& more) {
  std::string out = R"({"type":"object","description":)";
  append_json_string(description, out);
  return out + R"(,"additionalProperties":false,"properties":{)" + properties(columns) + more + "}}";
}

std::string list_schema(const ResourceApi& api) {
  const std::string as_of =
      R"(,"as_of_run":{"type":"integer","description":"The complete run that the zip code's list is as of."})";
  return R"({"type":"object","additionalProperties":false,"required":["items","next"],"properties":{
    "items":{"type":"array","items":{"$ref":"#/components/schemas/)" +
         schema_name(api) + R"("}},
    "next":{"type":["string","null"],"description":"URL of the next page, relative to this server; null on the last."},
    "count":{"type":"integer","minimum":0,"description":"How many there are on all pages, when asked for."},
    "count_kind":{"type":"string","enum":["exact","estimated"]})" +
         (api.filter_by_zipcode ? as_of : "") + "}}";
}

ResponseSpec list_answer(const ResourceApi& api) {
  return {.status = 200,
          .description = "A page of the list.",
          .schema = schema_name(api) + "List",
          .example = R"({"items":[)" + api.example + R"(],"next":null})",
          .headers = {{"Link", "The next page, with rel=\"next\"; absent on the last."},
                      {"Preference-Applied", "What of the header Prefer was followed."}},
          .others = {{"application/x-ndjson", R"({"type":"string","description":"An item a line."})",
                      R"("{\"id\":\"a\"}\n{\"id\":\"b\"}\n")"},
                     {"text/csv",
                      R"({"type":"string","description":"A line of names, then an item a line, without its parts."})",
                      R"("id,loaded_at\r\na,2026-01-31T10:42:05.123456Z\r\n")"},
                     {"application/fhir+json", kBundleSchema,
                      R"({"resourceType":"Bundle","type":"searchset","link":[{"relation":"self","url":"/"}]})"}}};
}

}  // namespace

std::string schema_name(const ResourceApi& api) { return api.schema.empty() ? capitalized(api.name) : api.schema; }

std::vector<Parameter> list_parameters(const ResourceApi& api, bool below_patient) {
  std::vector<Parameter> parameters;
  if (below_patient) parameters.push_back(any_id_parameter(ParameterIn::path, "id", "Logical id of the patient."));
  for (const ListFilter& filter : list_filters(api)) {
    if (below_patient && filter.column == api.patient_column) continue;
    parameters.push_back(filter_parameter(api, filter));
  }
  if (api.filter_by_zipcode && !below_patient) {
    parameters.push_back(
        {.name = "zipcode",
         .type = ParameterType::zipcode,
         .description = "Those of this zip code, as of its last complete run (as_of_run in the answer).",
         .example = "02139"});
  }
  for (Parameter& parameter : common_parameters(api)) parameters.push_back(std::move(parameter));
  return parameters;
}

void add_schemas(const ResourceApi& api, webserver::RouteTable& table) {
  const std::string name = schema_name(api);
  const bool known =
      std::ranges::find(table.schemas(), "FhirResource", &webserver::Schema::name) != table.schemas().end();
  if (!known) table.add_schema({"FhirResource", kRawSchema});
  std::string more;
  for (const EmbeddedTable& embedded : api.embedded) {
    const std::string child = name + capitalized(embedded.field);
    table.add_schema({child, object_schema(embedded.table.description, shown_child_columns(embedded.table), "")});
    more += ",\"" + embedded.field + R"(":{"type":"array","items":{"$ref":"#/components/schemas/)" + child + "\"}}";
  }
  table.add_schema({name, object_schema(api.table.description, shown_columns(api.table), more)});
  table.add_schema({name + "List", list_schema(api)});
}

Route list_route(const ResourceApi& api, std::string path, bool below_patient) {
  Route route;
  route.path = std::move(path);
  route.operation_id = (below_patient ? "list_patient_" : "list_") + api.name + "s";
  route.tag = api.tag;
  route.summary = below_patient ? "A patient's " + nouns_of(api) : capitalized(nouns_of(api)) + ", page by page";
  route.description = "In the order of the id, unless sorted. " + api.table.description;
  route.parameters = list_parameters(api, below_patient);
  route.responses = {list_answer(api)};
  route.problems = {503};
  route.limited = true;
  if (below_patient) route.problems.push_back(404);
  return route;
}

Route one_route(const ResourceApi& api) {
  Route route;
  route.path = api.path + "/{id}";
  route.operation_id = "get_" + api.name;
  route.tag = api.tag;
  route.summary = "One " + noun_of(api);
  route.description = "Also when it is no longer found on its server: compare last_seen_run.";
  route.parameters = {any_id_parameter(ParameterIn::path, "id", "Logical id of the " + noun_of(api) + ".")};
  route.responses = {{.description = "The " + noun_of(api) + ".", .schema = schema_name(api), .example = api.example}};
  route.responses.front().headers = {{"ETag", "Of the content, weak: for If-None-Match."},
                                     {"Last-Modified", "When the row was last written: loaded_at."}};
  route.problems = {404, 503};
  route.limited = true;
  return route;
}

Route raw_route(const ResourceApi& api) {
  Route route;
  route.path = api.path + "/{id}/raw";
  route.operation_id = "get_" + api.name + "_resource";
  route.tag = api.tag;
  route.summary = "The FHIR resource of one " + noun_of(api);
  route.description = "As it was received, from the blob store.";
  route.parameters = {id_parameter(ParameterIn::path, "id", "Logical id of the " + noun_of(api) + ".")};
  route.responses = {{.description = "The resource.",
                      .schema = "FhirResource",
                      .example = R"({"resourceType":"Patient","id":"f2b7c6d0-3c0e-4a51-9d6b-0e7a5f1c2d34"})",
                      .content_type = "application/fhir+json"}};
  route.problems = {404, 503};
  return route;
}

}  // namespace wellhead::resource
