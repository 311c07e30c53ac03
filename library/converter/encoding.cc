#include "library/converter/encoding.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace wellhead::converter {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

constexpr auto kAnsiTypes = std::to_array<Pair>({
    {"CHARACTER", "text"},
    {"CHARACTER VARYING", "text"},
    {"VARCHAR", "text"},
    {"TEXT", "text"},
    {"BOOLEAN", "boolean"},
    {"SMALLINT", "integer"},
    {"INT", "integer"},
    {"INTEGER", "integer"},
    {"BIGINT", "bigint"},
    {"DECIMAL", "numeric"},
    {"NUMERIC", "numeric"},
    {"DATE", "date"},
    {"TIME", "time"},
    {"TIMESTAMP", "timestamptz"},
    {"TIMESTAMP WITH TIME ZONE", "timestamptz"},
});

// SQL on FHIR 3.0, default SQL types of FHIR's primitive types.
constexpr auto kFhirTypes = std::to_array<Pair>({
    {"base64Binary", "text"},
    {"boolean", "boolean"},
    {"canonical", "text"},
    {"code", "text"},
    {"date", "text"},
    {"dateTime", "text"},
    {"decimal", "text"},
    {"id", "text"},
    {"instant", "timestamptz"},
    {"integer", "integer"},
    {"integer64", "bigint"},
    {"markdown", "text"},
    {"oid", "text"},
    {"positiveInt", "integer"},
    {"string", "text"},
    {"time", "text"},
    {"unsignedInt", "integer"},
    {"uri", "text"},
    {"url", "text"},
    {"uuid", "text"},
    {"xhtml", "text"},
});

template <std::size_t size>
std::optional<std::string> look_up(const std::array<Pair, size>& pairs, std::string_view key) {
  const auto* found = std::ranges::find(pairs, key, &Pair::first);
  if (found == pairs.end()) return std::nullopt;
  return std::string(found->second);
}

std::optional<Encoding> date_encoding(std::string_view sql_type, std::string_view as) {
  if (as == "precision") return sql_type == "text" ? std::optional(Encoding::precision) : std::nullopt;
  const bool latest = as == "latest";
  if (sql_type == "date") return latest ? Encoding::date_latest : Encoding::date_earliest;
  if (sql_type == "timestamptz") return latest ? Encoding::timestamp_latest : Encoding::timestamp_earliest;
  if (sql_type == "text" && as.empty()) return Encoding::date_text;
  return std::nullopt;
}

std::optional<Encoding> number_encoding(std::string_view fhir_type, std::string_view sql_type) {
  if (sql_type == "numeric") return Encoding::decimal;
  if (sql_type == "text") return Encoding::number_text;
  if (fhir_type == "decimal") return std::nullopt;
  if (sql_type == "bigint") return Encoding::bigint;
  if (sql_type == "integer" && fhir_type != "integer64") return Encoding::integer;
  return std::nullopt;
}

}  // namespace

std::optional<std::string> sql_type_of_ansi(std::string_view ansi_type) {
  std::string name(ansi_type.substr(0, ansi_type.find('(')));
  while (name.ends_with(' ')) name.pop_back();
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return look_up(kAnsiTypes, name);
}

std::optional<std::string> default_sql_type(std::string_view fhir_type) { return look_up(kFhirTypes, fhir_type); }

std::optional<Encoding> encoding_for(std::string_view fhir_type, std::string_view sql_type, std::string_view as) {
  if (fhir_type == "date" || fhir_type == "dateTime" || fhir_type == "instant") return date_encoding(sql_type, as);
  if (!as.empty()) return std::nullopt;
  if (fhir_type.empty()) return sql_type == "text" ? std::optional(Encoding::any) : std::nullopt;
  if (fhir_type == "decimal" || fhir_type == "integer" || fhir_type == "integer64" || fhir_type == "positiveInt" ||
      fhir_type == "unsignedInt") {
    return number_encoding(fhir_type, sql_type);
  }
  if (fhir_type == "boolean") return sql_type == "boolean" ? std::optional(Encoding::boolean) : std::nullopt;
  if (fhir_type == "time" && sql_type == "time") return Encoding::time;
  if (fhir_type == "time" && sql_type == "text") return Encoding::time_text;
  if (sql_type != "text") return std::nullopt;
  return fhir_type == "id" ? Encoding::id : Encoding::text;
}

}  // namespace wellhead::converter
