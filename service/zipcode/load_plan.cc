#include "service/zipcode/load_plan.h"

#include <algorithm>
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

}  // namespace

LoadPlan::LoadPlan(const LoadZipcode& request) : request_(request) {
  if (request.position) {
    position_ = *request.position;
    return;
  }
  position_.batch_patients = kFirstBatch;
  position_.per_search = request.options.observations == "batched" ? kMostPerSearch : 1;
  position_.negotiating = request.options.observations == "auto";
}

bool LoadPlan::extraction_slot_free() const {
  return observations_running_ + (page_running_ ? 1 : 0) < request_.options.concurrency;
}

std::optional<ExtractPatients> LoadPlan::next_page() {
  if (paused_ || page_running_ || position_.search_exhausted || !extraction_slot_free()) return std::nullopt;
  if (waiting_patients() > kPatientsAhead) return std::nullopt;
  page_running_ = true;
  return ExtractPatients{request_.run, take_batch_number(), position_.sweep, position_.patients, position_.cursor};
}

std::optional<ExtractObservations> LoadPlan::next_observations() {
  if (paused_ || waiting_patients() == 0 || !extraction_slot_free() || negotiation_running_) return std::nullopt;
  // A partly filled batch waits for the page that is on its way, unless nothing else is being extracted.
  if (waiting_patients() < position_.batch_patients && page_running_ && observations_running_ > 0) return std::nullopt;
  const auto count = std::min(position_.batch_patients, waiting_patients());
  ExtractObservations step{request_.run, take_batch_number(),  position_.handed_out,
                           count,        position_.per_search, position_.negotiating};
  position_.handed_out += count;
  ++observations_running_;
  negotiation_running_ = position_.negotiating;
  return step;
}

std::optional<LoadStaged> LoadPlan::next_load() {
  if (paused_ || position_.staged.empty() || loads_running_ >= kMostLoads) return std::nullopt;
  const bool extracting =
      page_running_ || observations_running_ > 0 || !position_.search_exhausted || waiting_patients() > 0;
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
  position_.patients += result.patients;
  position_.cursor = result.next;
  position_.search_exhausted = !result.next.has_value();
  position_.staged.push_back(result.batch);
  position_.staged_rows += result.rows;
}

void LoadPlan::take(const ExtractedObservations& result) {
  ++position_.counts.observation_batches;
  position_.counts.patients_covered += result.patients;
  position_.counts.observations_staged += result.counts.staged;
  count(result.counts);
  --observations_running_;
  position_.staged.push_back(result.batch);
  position_.staged_rows += result.rows;
  negotiation_running_ = false;
  if (position_.negotiating && result.negotiated) {
    position_.negotiating = false;
    position_.per_search = std::min(result.per_search, kMostPerSearch);
  } else if (!position_.negotiating) {
    position_.per_search = std::min(position_.per_search, std::max<std::int64_t>(result.per_search, 1));
  }
  resize_batch(result);
}

void LoadPlan::resize_batch(const ExtractedObservations& result) {
  if (result.patients == 0) return;
  const auto patients = static_cast<double>(result.patients);
  const double by_time = patients * request_.options.batch_seconds / std::max(result.seconds, 0.001);
  const double by_size = patients * static_cast<double>(request_.options.batch_bytes) /
                         static_cast<double>(std::max<std::int64_t>(result.bytes, 1));
  const double wanted = std::min({by_time, by_size, static_cast<double>(position_.batch_patients * kGrowth)});
  position_.batch_patients = std::max(static_cast<std::int64_t>(wanted), kFirstBatch);
}

void LoadPlan::take(const LoadedGroup& result) {
  --loads_running_;
  position_.counts.rows_loaded += result.rows;
}

bool LoadPlan::idle() const { return !page_running_ && observations_running_ == 0 && loads_running_ == 0; }

bool LoadPlan::finished() const {
  return idle() && position_.search_exhausted && waiting_patients() == 0 && position_.staged.empty();
}

void LoadPlan::repeat_search() {
  ++position_.sweep;
  position_.cursor.reset();
  position_.search_exhausted = false;
  paused_ = false;
}

}  // namespace wellhead::zipcode
