#include "service/zipcode/route_parts.h"

#include <simdjson.h>

#include <algorithm>

#include "library/meta/error.h"

// NOLINTBEGIN(readability-identifier-naming): the names that wellhead_embed() gives
extern "C" {
extern const char wellhead_zipcode_openapi[];
extern const char wellhead_zipcode_openapi_end[];
extern const char wellhead_zipcode_records_openapi[];
extern const char wellhead_zipcode_records_openapi_end[];
}
// NOLINTEND(readability-identifier-naming)

namespace wellhead::zipcode {
namespace {

using webserver::Parameter;
using webserver::ParameterIn;
using webserver::ParameterType;
using webserver::Request;
using webserver::Response;

}  // namespace

Response only_reads(const Request& request) {
  return to_response(
      webserver::Problem{
          503, "read_only", "This server only reads: send this to one that loads, or use the command line", {}},
      request.id);
}

bool may_see(const Request& request, const meta::Zipcode& zipcode) {
  if (!request.principal || !request.principal->limited()) return true;
  return std::ranges::any_of(request.principal->zip_prefixes,
                             [&](const std::string& prefix) { return zipcode.text().starts_with(prefix); });
}

Response not_its_zipcode(const Request& request) {
  return to_response(webserver::Problem{403, "forbidden", "This key is not for this zip code", {}}, request.id);
}

RouteDocuments::RouteDocuments() {
  const std::array<std::string_view, 2> texts = {
      std::string_view(wellhead_zipcode_openapi, wellhead_zipcode_openapi_end),
      std::string_view(wellhead_zipcode_records_openapi, wellhead_zipcode_records_openapi_end)};
  for (const std::string_view text : texts) {
    simdjson::dom::parser parser;
    const simdjson::dom::element document = parser.parse(simdjson::padded_string(text));
    for (const auto schema : document["schemas"].get_object()) {
      schemas_.emplace_back(schema.key, simdjson::minify(schema.value));
    }
    for (const auto example : document["examples"].get_object()) {
      examples_.emplace(example.key, simdjson::minify(example.value));
    }
  }
}

void RouteDocuments::add_schemas(webserver::RouteTable& table) const {
  for (const auto& [name, schema] : schemas_) table.add_schema({name, schema});
}

std::string RouteDocuments::example(std::string_view name) const {
  if (const auto found = examples_.find(name); found != examples_.end()) return found->second;
  throw meta::Error(meta::ErrorCode::internal, "there is no example " + std::string(name));
}

resource::RecordMembers RouteDocuments::members(std::string_view schema) const {
  const auto found = std::ranges::find(schemas_, schema, &std::pair<std::string, std::string>::first);
  if (found != schemas_.end()) return resource::record_members(found->second);
  throw meta::Error(meta::ErrorCode::internal, "there is no schema " + std::string(schema));
}

webserver::ResponseSpec RouteDocuments::page(const std::string& list, std::string_view item) const {
  simdjson::dom::parser parser;
  const simdjson::padded_string text(example(list));
  const simdjson::dom::element first = parser.parse(text)["items"].at(0);
  return {.description = "A page of the list.",
          .schema = list,
          .example = example(list),
          .headers = page_headers(),
          .others = resource::record_forms(members(item), simdjson::minify(first))};
}

Parameter zipcode_parameter(ParameterIn in, std::string description) {
  Parameter parameter;
  parameter.name = "zipcode";
  parameter.in = in;
  parameter.type = ParameterType::zipcode;
  parameter.description = std::move(description);
  parameter.example = "02139";
  return parameter;
}

std::vector<std::pair<std::string, std::string>> page_headers() {
  return {{"Link", "The next page, with rel=\"next\"; absent on the last."}};
}

}  // namespace wellhead::zipcode
