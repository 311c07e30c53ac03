#include "service/zipcode/estimate.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>

#include "library/meta/error.h"
#include "service/zipcode/extraction.h"

namespace wellhead::zipcode {
namespace {

constexpr std::string_view kPatient = "Patient";
constexpr const char* kSampleSize = "5";

// The first parameter that the server takes; Observation has `patient` alone, as in the load.
std::optional<std::int64_t> count_of(Source& source, const std::string& type, const std::string& patient,
                                     std::int64_t& requests) {
  constexpr std::array parameters = {"patient", "subject"};
  for (const char* parameter : parameters) {
    try {
      ++requests;
      return source.fhir.count(type, {{parameter, patient}});
    } catch (const meta::Error& error) {
      if (error.code() != meta::ErrorCode::source_refused || type == "Observation") throw;
      if (parameter == parameters.back()) throw unsearchable(type, error);
    }
  }
  return std::nullopt;
}

// Ids of the patients of one page.
std::vector<std::string> sample_of(Source& source, const Catalog& catalog, webclient::Parameters search) {
  auto& converter = source.converter(catalog.patients());
  search.emplace_back("_count", kSampleSize);
  std::vector<std::string> ids;
  for (const auto& entry : source.fhir.search(kPatient, search).entries) {
    std::vector<converter::CsvOutput> rows(1 + catalog.patients().parts.size());
    if (converter.convert(entry.resource, {}, rows)) ids.emplace_back(converter.resource_id());
  }
  return ids;
}

void sample(Source& source, const std::vector<std::string>& patients, ResourceEstimate& estimate,
            std::int64_t& requests, std::optional<std::int64_t> all_patients) {
  bool known = true;
  for (const auto& patient : patients) {
    const auto count = count_of(source, estimate.resource_type, patient, requests);
    known = known && count.has_value();
    estimate.sampled += count.value_or(0);
  }
  if (!known || !all_patients || (patients.empty() && *all_patients > 0)) return;
  const auto sampled = std::max<std::int64_t>(static_cast<std::int64_t>(patients.size()), 1);
  estimate.resources = *all_patients * estimate.sampled / sampled;
}

}  // namespace

LoadEstimate estimate_load(Source& source, const Catalog& catalog, const meta::Zipcode& zipcode,
                           const LoadOptions& options) {
  LoadEstimate estimate;
  const auto search = patient_search(zipcode);
  estimate.patients = source.fhir.count(kPatient, search);
  const auto started = std::chrono::steady_clock::now();
  std::int64_t asked = 1;
  const auto patients = sample_of(source, catalog, search);
  estimate.sampled_patients = static_cast<std::int64_t>(patients.size());
  for (const auto* table : catalog.tables_of(options)) {
    const auto known = std::ranges::find(estimate.resources, table->resource(), &ResourceEstimate::resource_type);
    if (table->resource() == kPatient || known != estimate.resources.end()) continue;
    auto& type = estimate.resources.emplace_back();
    type.resource_type = table->resource();
    sample(source, patients, type, asked, estimate.patients);
  }
  if (!estimate.patients || std::ranges::any_of(estimate.resources, [](const auto& type) { return !type.resources; })) {
    return estimate;
  }
  const auto pages = [&](std::int64_t entries) { return entries / options.page_size + 1; };
  const auto tables = [&](std::string_view type) {
    return static_cast<std::int64_t>(catalog.tables_of(options, type).size());
  };
  const bool lists = options.observations != "per-patient";
  estimate.requests = 2 + pages(*estimate.patients);
  estimate.rows = *estimate.patients * tables(kPatient);
  for (const auto& type : estimate.resources) {
    *estimate.requests += lists ? pages(*type.resources) : *estimate.patients;
    *estimate.rows += *type.resources * tables(type.resource_type);
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
  const double per_request = elapsed.count() / static_cast<double>(asked);
  estimate.seconds = static_cast<double>(*estimate.requests) * per_request / static_cast<double>(options.concurrency);
  return estimate;
}

}  // namespace wellhead::zipcode
