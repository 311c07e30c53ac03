// Decides what a load does next: which pages to ask for, how large a batch of patients should be, when staged batches
// are worth loading. Deterministic and without I/O: the same results in the same order give the same decisions, which
// is what makes the workflow replayable.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "service/zipcode/steps.h"

namespace wellhead::zipcode {

class LoadPlan {
 public:
  explicit LoadPlan(const LoadZipcode& request);

  // The steps that can start now, if any; each call hands out a step and counts it as running.
  std::optional<ExtractPatients> next_page();
  std::optional<ExtractObservations> next_observations();
  std::optional<LoadStaged> next_load();

  void take(const ExtractedPatients& result);
  void take(const ExtractedObservations& result);
  void take(const LoadedGroup& result);

  // Nothing runs and nothing is left to start.
  bool finished() const;

  // Starts the patient search once more, after finished(); what was seen is not taken again.
  void repeat_search();
  std::int64_t sweep() const { return sweep_; }

 private:
  bool extraction_slot_free() const;
  std::int64_t waiting_patients() const { return patients_ - handed_out_; }
  void resize_batch(const ExtractedObservations& result);

  LoadZipcode request_;
  std::int64_t sweep_ = 1;
  std::int64_t next_batch_ = 1;

  std::optional<std::string> cursor_;
  bool search_exhausted_ = false;
  bool page_running_ = false;

  std::int64_t patients_ = 0;    // ordinals known so far
  std::int64_t handed_out_ = 0;  // ordinals that are in a batch
  std::int64_t observations_running_ = 0;
  std::int64_t batch_patients_;  // size of the next batch
  std::int64_t per_search_;
  bool negotiating_;
  bool negotiation_running_ = false;

  std::vector<meta::BatchId> staged_;
  std::int64_t staged_rows_ = 0;
  std::int64_t loads_running_ = 0;
};

}  // namespace wellhead::zipcode
