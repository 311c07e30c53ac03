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

LoadPlan::LoadPlan(const LoadZipcode& request)
    : request_(request),
      batch_patients_(kFirstBatch),
      per_search_(request.options.observations == "batched" ? kMostPerSearch : 1),
      negotiating_(request.options.observations == "auto") {}

bool LoadPlan::extraction_slot_free() const {
  return observations_running_ + (page_running_ ? 1 : 0) < request_.options.concurrency;
}

std::optional<ExtractPatients> LoadPlan::next_page() {
  if (page_running_ || search_exhausted_ || !extraction_slot_free() || waiting_patients() > kPatientsAhead)
    return std::nullopt;
  page_running_ = true;
  return ExtractPatients{request_.run, {next_batch_++}, sweep_, patients_, cursor_};
}

std::optional<ExtractObservations> LoadPlan::next_observations() {
  if (waiting_patients() == 0 || !extraction_slot_free() || negotiation_running_) return std::nullopt;
  // A partly filled batch waits for the page that is on its way, unless nothing else is being extracted.
  if (waiting_patients() < batch_patients_ && page_running_ && observations_running_ > 0) return std::nullopt;
  const auto count = std::min(batch_patients_, waiting_patients());
  ExtractObservations step{request_.run, {next_batch_++}, handed_out_, count, per_search_, negotiating_};
  handed_out_ += count;
  ++observations_running_;
  negotiation_running_ = negotiating_;
  return step;
}

std::optional<LoadStaged> LoadPlan::next_load() {
  if (staged_.empty() || loads_running_ >= kMostLoads) return std::nullopt;
  const bool extracting = page_running_ || observations_running_ > 0 || !search_exhausted_ || waiting_patients() > 0;
  if (extracting && staged_rows_ < request_.options.rows_per_load) return std::nullopt;
  ++loads_running_;
  staged_rows_ = 0;
  return LoadStaged{request_.run, std::exchange(staged_, {})};
}

void LoadPlan::take(const ExtractedPatients& result) {
  page_running_ = false;
  patients_ += result.patients;
  cursor_ = result.next;
  search_exhausted_ = !result.next.has_value();
  staged_.push_back(result.batch);
  staged_rows_ += result.rows;
}

void LoadPlan::take(const ExtractedObservations& result) {
  --observations_running_;
  staged_.push_back(result.batch);
  staged_rows_ += result.rows;
  negotiation_running_ = false;
  if (negotiating_ && result.negotiated) {
    negotiating_ = false;
    per_search_ = std::min(result.per_search, kMostPerSearch);
  } else if (!negotiating_) {
    per_search_ = std::min(per_search_, std::max<std::int64_t>(result.per_search, 1));
  }
  resize_batch(result);
}

void LoadPlan::resize_batch(const ExtractedObservations& result) {
  if (result.patients == 0) return;
  const auto patients = static_cast<double>(result.patients);
  const double by_time = patients * request_.options.batch_seconds / std::max(result.seconds, 0.001);
  const double by_size = patients * static_cast<double>(request_.options.batch_bytes) /
                         static_cast<double>(std::max<std::int64_t>(result.bytes, 1));
  const double wanted = std::min({by_time, by_size, static_cast<double>(batch_patients_ * kGrowth)});
  batch_patients_ = std::max(static_cast<std::int64_t>(wanted), kFirstBatch);
}

void LoadPlan::take(const LoadedGroup&) { --loads_running_; }

bool LoadPlan::finished() const {
  return search_exhausted_ && !page_running_ && observations_running_ == 0 && waiting_patients() == 0 &&
         staged_.empty() && loads_running_ == 0;
}

void LoadPlan::repeat_search() {
  ++sweep_;
  cursor_.reset();
  search_exhausted_ = false;
}

}  // namespace wellhead::zipcode
