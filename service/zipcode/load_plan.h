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

  void take(const LoadBegun& result);

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
  std::int64_t sweep() const { return position_.sweep; }

  // No further step starts; when those that run have ended, position() is where another plan can go on.
  void pause() { paused_ = true; }
  bool idle() const;
  const LoadPosition& position() const { return position_; }
  const LoadCounts& counts() const { return position_.counts; }

 private:
  bool extraction_slot_free() const;
  std::int64_t waiting_patients() const { return position_.patients - position_.handed_out; }
  meta::BatchId take_batch_number() { return {position_.next_batch++}; }
  void resize_batch(const ExtractedObservations& result);
  void count(const ExtractionCounts& counts);

  LoadZipcode request_;
  LoadPosition position_;
  bool paused_ = false;
  bool page_running_ = false;
  std::int64_t observations_running_ = 0;
  bool negotiation_running_ = false;
  std::int64_t loads_running_ = 0;
};

}  // namespace wellhead::zipcode
