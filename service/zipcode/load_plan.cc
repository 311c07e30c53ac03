#include "service/zipcode/load_plan.h"

#include <algorithm>
#include <string>
#include <utility>

namespace wellhead::zipcode {
namespace {

constexpr std::int64_t kFirstBatch = 5;
constexpr std::int64_t kGrowth = 4;
// Longer lists in one search gain nothing and make a refused or broken search expensive.
constexpr std::int64_t kMostPerSearch = 200;
// Beyond this many known patients the next page can wait: it bounds what a slow observation search leaves queued.
constexpr std::int64_t kPatientsAhead = 20'000;
// While one load holds the table locks the next one can already COPY.
constexpr std::int64_t kMostLoads = 2;
constexpr std::string_view kObservation = "Observation";

// The resource types that are searched by patient, in the order of the run's tables.
std::vector<std::string> searched_types(const LoadOptions& options) {
  if (!options.tables) return {std::string(kObservation)};
  std::vector<std::string> types;
  for (const auto& table : *options.tables) {
    if (table.type != "Patient" && std::ranges::find(types, table.type) == types.end()) types.push_back(table.type);
  }
  return types;
}

}  // namespace

LoadPlan::LoadPlan(const LoadZipcode& request) : request_(request) {
  const SearchPosition first{.type = {},
                             .handed_out = 0,
                             .batch_patients = kFirstBatch,
                             .per_search = request.options.observations == "batched" ? kMostPerSearch : 1,
                             .negotiating = request.options.observations == "auto",
                             .covered = 0};
  for (auto& type : searched_types(request.options)) {
    searches_.push_back({.at = first});
    searches_.back().at.type = std::move(type);
  }
  if (!request.position) {
    if (request.options.tables) position_.counts.others_staged = 0;
    return;
  }
  position_ = *request.position;
  if (position_.searches) {
    for (std::size_t i = 0; i < searches_.size(); ++i) searches_[i].at = position_.searches->at(i);
  } else if (!searches_.empty()) {
    searches_.front().at = {.type = searches_.front().at.type,
                            .handed_out = position_.handed_out,
                            .batch_patients = position_.batch_patients,
                            .per_search = position_.per_search,
                            .negotiating = position_.negotiating,
                            .covered = position_.counts.patients_covered};
  }
}

LoadPosition LoadPlan::position() const {
  auto position = position_;
  if (request_.options.tables) {
    position.searches.emplace();
    for (const auto& search : searches_) position.searches->push_back(search.at);
    return position;
  }
  const auto& observations = searches_.front().at;
  position.handed_out = observations.handed_out;
  position.batch_patients = observations.batch_patients;
  position.per_search = observations.per_search;
  position.negotiating = observations.negotiating;
  return position;
}

std::int64_t LoadPlan::most_waiting() const {
  std::int64_t most = 0;
  for (const auto& search : searches_) most = std::max(most, waiting(search));
  return most;
}

std::int64_t LoadPlan::searches_running() const {
  std::int64_t running = 0;
  for (const auto& search : searches_) running += search.running;
  return running;
}

bool LoadPlan::extraction_slot_free() const {
  return searches_running() + (page_running_ ? 1 : 0) < request_.options.concurrency;
}

std::optional<ExtractPatients> LoadPlan::next_page() {
  if (paused_ || page_running_ || position_.search_exhausted || !extraction_slot_free()) return std::nullopt;
  if (most_waiting() > kPatientsAhead) return std::nullopt;
  page_running_ = true;
  return ExtractPatients{request_.run, take_batch_number(), position_.sweep, position_.patients, position_.cursor};
}

bool LoadPlan::may_start(const Search& search) const {
  if (waiting(search) == 0 || search.negotiation_running) return false;
  // A partly filled batch waits for the page that is on its way, unless nothing else is being extracted.
  return waiting(search) >= search.at.batch_patients || !page_running_ || searches_running() == 0;
}

std::optional<ExtractResources> LoadPlan::next_extraction() {
  if (paused_ || !extraction_slot_free()) return std::nullopt;
  Search* next = nullptr;
  for (auto& search : searches_) {
    if (may_start(search) && (next == nullptr || search.at.handed_out < next->at.handed_out)) next = &search;
  }
  if (next == nullptr) return std::nullopt;
  auto& at = next->at;
  const auto count = std::min(at.batch_patients, waiting(*next));
  ExtractResources step{{request_.run, take_batch_number(), at.handed_out, count, at.per_search, at.negotiating},
                        at.type};
  at.handed_out += count;
  ++next->running;
  next->negotiation_running = at.negotiating;
  return step;
}

std::optional<LoadStaged> LoadPlan::next_load() {
  if (paused_ || position_.staged.empty() || loads_running_ >= kMostLoads) return std::nullopt;
  const bool extracting = page_running_ || searches_running() > 0 || !position_.search_exhausted || most_waiting() > 0;
  if (extracting && position_.staged_rows < request_.options.rows_per_load) return std::nullopt;
  ++loads_running_;
  position_.staged_rows = 0;
  return LoadStaged{request_.run, std::exchange(position_.staged, {})};
}

void LoadPlan::take(const LoadBegun& result) { position_.counts.patients_expected = result.patients_expected; }

void LoadPlan::count(const ExtractionCounts& counts) {
  position_.counts.rejected += counts.rejected;
  position_.counts.requests += counts.requests;
  position_.counts.retries += counts.retries;
  position_.counts.bytes_received += counts.bytes;
}

void LoadPlan::take(const ExtractedPatients& result) {
  position_.counts.patient_pages += result.pages;
  position_.counts.patients_staged += result.patients;
  count(result.counts);
  page_running_ = false;
  if (searches_.empty()) position_.counts.patients_covered += result.patients;
  position_.patients += result.patients;
  position_.cursor = result.next;
  position_.search_exhausted = !result.next.has_value();
  position_.staged.push_back(result.batch);
  position_.staged_rows += result.rows;
}

void LoadPlan::take(const ExtractedResources& result, std::string_view type) {
  auto& search = *std::ranges::find_if(searches_, [&](const Search& each) { return each.at.type == type; });
  auto& counts = position_.counts;
  if (type == kObservation) {
    ++counts.observation_batches;
    counts.observations_staged += result.counts.staged;
  } else {
    counts.others_staged = counts.others_staged.value_or(0) + result.counts.staged;
  }
  count(result.counts);
  search.at.covered += result.patients;
  counts.patients_covered = search.at.covered;
  for (const auto& each : searches_) counts.patients_covered = std::min(counts.patients_covered, each.at.covered);
  --search.running;
  position_.staged.push_back(result.batch);
  position_.staged_rows += result.rows;
  search.negotiation_running = false;
  if (search.at.negotiating && result.negotiated) {
    search.at.negotiating = false;
    search.at.per_search = std::min(result.per_search, kMostPerSearch);
  } else if (!search.at.negotiating) {
    search.at.per_search = std::min(search.at.per_search, std::max<std::int64_t>(result.per_search, 1));
  }
  resize_batch(search, result);
}

void LoadPlan::resize_batch(Search& search, const ExtractedResources& result) const {
  if (result.patients == 0) return;
  const auto patients = static_cast<double>(result.patients);
  const double by_time = patients * request_.options.batch_seconds / std::max(result.seconds, 0.001);
  const double by_size = patients * static_cast<double>(request_.options.batch_bytes) /
                         static_cast<double>(std::max<std::int64_t>(result.bytes, 1));
  const double wanted = std::min({by_time, by_size, static_cast<double>(search.at.batch_patients * kGrowth)});
  search.at.batch_patients = std::max(static_cast<std::int64_t>(wanted), kFirstBatch);
}

void LoadPlan::take(const LoadedGroup& result) {
  --loads_running_;
  position_.counts.rows_loaded += result.rows;
}

bool LoadPlan::idle() const { return !page_running_ && searches_running() == 0 && loads_running_ == 0; }

bool LoadPlan::finished() const {
  return idle() && position_.search_exhausted && most_waiting() == 0 && position_.staged.empty();
}

void LoadPlan::repeat_search() {
  ++position_.sweep;
  position_.cursor.reset();
  position_.search_exhausted = false;
  paused_ = false;
}

}  // namespace wellhead::zipcode
