// Decides what a load does next: which pages to ask for, how large a batch of patients should be, when staged batches
// are worth loading. Deterministic and without I/O: the same results in the same order give the same decisions, which
// is what makes the workflow replayable.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "service/zipcode/steps.h"

namespace wellhead::zipcode {

class LoadPlan {
 public:
  explicit LoadPlan(const LoadZipcode& request);

  void take(const LoadBegun& result);

  // The steps that can start now, if any; each call hands out a step and counts it as running.
  std::optional<ExtractPatients> next_page();
  // Of the resource type that has got the least far.
  std::optional<ExtractResources> next_extraction();
  std::optional<LoadStaged> next_load();

  void take(const ExtractedPatients& result);
  void take(const ExtractedResources& result, std::string_view type = "Observation");
  void take(const LoadedGroup& result);

  // Nothing runs and nothing is left to start.
  bool finished() const;

  // Starts the patient search once more, after finished(); what was seen is not taken again.
  void repeat_search();
  std::int64_t sweep() const { return position_.sweep; }

  // No further step starts; when those that run have ended, position() is where another plan can go on.
  void pause() { paused_ = true; }
  bool idle() const;
  LoadPosition position() const;
  const LoadCounts& counts() const { return position_.counts; }

 private:
  bool extraction_slot_free() const;
  meta::BatchId take_batch_number() { return {position_.next_batch++}; }
  // One resource type beside Patient.
  struct Search {
    SearchPosition at;
    std::int64_t running = 0;
    bool negotiation_running = false;
  };
  std::int64_t waiting(const Search& search) const { return position_.patients - search.at.handed_out; }
  std::int64_t most_waiting() const;  // patients, over all types
  std::int64_t searches_running() const;
  bool may_start(const Search& search) const;
  void resize_batch(Search& search, const ExtractedResources& result) const;
  void count(const ExtractionCounts& counts);

  LoadZipcode request_;
  LoadPosition position_;
  bool paused_ = false;
  bool page_running_ = false;
  std::vector<Search> searches_;
  std::int64_t loads_running_ = 0;
};

}  // namespace wellhead::zipcode
