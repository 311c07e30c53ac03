#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "library/meta/digest.h"
#include "library/meta/error.h"
#include "library/meta/logging.h"
#include "library/storage/postgres/blob_removal.h"
#include "library/storage/postgres/journal.h"
#include "service/resource/batch_record.h"
#include "service/resource/staging.h"
#include "service/zipcode/extraction.h"
#include "service/zipcode/runs.h"

namespace wellhead::zipcode {
namespace {

using Steady = std::chrono::steady_clock;
using Ids = std::span<const std::string>;

constexpr int kMostSearchRestarts = 5;
constexpr std::string_view kPatientParameter = "patient";
constexpr std::string_view kSubject = "subject";
// Lists are first cut to what any server takes in a URL of 2,000 bytes, then to single patients.
constexpr std::int64_t kShortList = 40;
constexpr std::int64_t kAnyNumber = 1'000'000;

// The totals that the pages of one search gave, over all its passes.
struct Totals {
  std::optional<std::int64_t> first, last;
  std::int64_t low = std::numeric_limits<std::int64_t>::max();
  std::int64_t high = 0;

  void take(std::optional<std::int64_t> total) {
    if (!total) return;
    if (!first) first = total;
    last = total;
    low = std::min(low, *total);
    high = std::max(high, *total);
  }
  bool known() const { return first.has_value(); }
  std::int64_t outside(std::int64_t distinct) const {
    if (!known()) return 0;
    return distinct < low ? low - distinct : std::max<std::int64_t>(distinct - high, 0);
  }
};

class ResourceExtraction {
 public:
  ResourceExtraction(Workplace& workplace, Source& source, const Run& run, const ExtractResources& step)
      : workplace_(workplace),
        source_(source),
        run_(run),
        step_(step),
        staging_(workplace.blobs, staging_targets(source, workplace.catalog.tables_of(run.options, step.type)),
                 step.batch),
        per_search_(std::max<std::int64_t>(step.per_search, 1)) {
    counts_.fetched_at = meta::SystemClock().now();
  }

  void fetch(Ids patients);
  ExtractedResources record(std::int64_t lease_epoch);

 private:
  struct Search {
    int number = 0;
    Ids patients;
    Totals totals;
    std::int64_t distinct = 0;
    bool again = false;  // a further pass: what the search has seen is passed over
  };
  // A resource that the batch has received; under its id, or its content's digest if it has none.
  struct Seen {
    meta::RowDigest content;
    int search = 0;  // the last that brought it
  };

  void fetch_lists(Ids patients);
  void fetch_list(Ids patients);
  void negotiate(Ids patients);
  void pass(Search& search);
  bool try_other_parameter();
  [[noreturn]] void rethrow_naming_type(const meta::Error& error) const;
  void take(const webclient::Entry& entry, Search& search);
  void finish(const Search& search);
  webclient::Parameters parameters(Ids patients) const;

  Workplace& workplace_;
  Source& source_;
  const Run& run_;
  const ExtractResources& step_;
  resource::Staging staging_;
  resource::BatchCounts counts_;
  std::int64_t per_search_;
  std::string_view parameter_ = kPatientParameter;
  bool negotiated_ = true;
  std::unordered_set<std::string_view> asked_;  // the batch's patients
  std::unordered_map<std::string, Seen> seen_;
  int searches_ = 0;
  Steady::time_point started_ = Steady::now();
  webclient::Traffic traffic_before_;
};

webclient::Parameters ResourceExtraction::parameters(Ids patients) const {
  std::string list;
  for (const auto& id : patients) list.append(list.empty() ? "" : ",").append(id);
  return {{std::string(parameter_), list}, {"_count", std::to_string(run_.options.page_size)}};
}

void ResourceExtraction::fetch(Ids patients) {
  traffic_before_ = source_.fhir.traffic();
  asked_.insert(patients.begin(), patients.end());
  if (step_.negotiate) {
    negotiate(patients);
  } else {
    fetch_lists(patients);
  }
}

void ResourceExtraction::fetch_lists(Ids patients) {
  while (!patients.empty()) {
    const auto list = patients.first(std::min(static_cast<std::size_t>(per_search_), patients.size()));
    patients = patients.subspan(list.size());
    fetch_list(list);
  }
}

// Fetches patient by patient, then asks for the count of the list: a server that reads a list as one strange id, or
// answers it short, gives another number.
void ResourceExtraction::negotiate(Ids patients) {
  per_search_ = 1;
  fetch_lists(patients);
  const auto received = static_cast<std::int64_t>(seen_.size());
  negotiated_ = patients.size() > 1 && received > 0;
  if (!negotiated_) return;
  try {
    const auto total = source_.fhir.count(step_.type, {parameters(patients).front()});
    if (total == received) per_search_ = kAnyNumber;
    spdlog::debug("the server {} lists of patients", total == received ? "takes" : "miscounts");
  } catch (const meta::Error& error) {
    if (error.code() == meta::ErrorCode::cancelled) throw;  // any other refusal of the list leaves single patients
  }
}

void ResourceExtraction::fetch_list(Ids patients) {
  Search search{.number = ++searches_, .patients = patients};
  const bool may_split = patients.size() > 1 && run_.options.observations == "auto";
  try {
    pass(search);
    if (search.totals.outside(search.distinct) > 0) {
      search.again = true;
      pass(search);
    }
  } catch (const meta::Error& error) {
    if (error.code() == meta::ErrorCode::source_refused && try_other_parameter()) return fetch_list(patients);
    if (error.code() != meta::ErrorCode::source_refused || !may_split) rethrow_naming_type(error);
    per_search_ = std::cmp_greater(patients.size(), kShortList) ? kShortList : 1;
    spdlog::info("the server refuses a list of {} patients, going on with {}: {}", patients.size(), per_search_,
                 error.message());
    return fetch_lists(patients);
  }
  if (search.totals.outside(search.distinct) > 0 && may_split) {
    spdlog::info("the server answers a list of {} patients short, going on with single ones", patients.size());
    per_search_ = 1;
    return fetch_lists(patients);
  }
  finish(search);
}

// The resource types of patients all know one of the two (FHIR R4); a server need not support both.
bool ResourceExtraction::try_other_parameter() {
  if (step_.type == "Observation" || parameter_ == kSubject) return false;
  parameter_ = kSubject;
  return true;
}

// A server that does not have the type at all cannot be helped by asking again.
void ResourceExtraction::rethrow_naming_type(const meta::Error& error) const {
  if (error.code() != meta::ErrorCode::source_refused || step_.type == "Observation") throw;
  throw unsearchable(step_.type, error);
}

void ResourceExtraction::pass(Search& search) {
  for (int restarts = 0;;) {
    webclient::Pager pager(source_.fhir, step_.type, parameters(search.patients));
    try {
      while (const auto page = pager.next()) {
        search.totals.take(page->total);
        for (const auto& entry : page->entries) take(entry, search);
      }
      return;
    } catch (const meta::Error& error) {
      if (error.code() != meta::ErrorCode::source_page_expired || ++restarts > kMostSearchRestarts) throw;
      search.again = true;
      spdlog::info("the search is begun again: {}", error.message());
    }
  }
}

void ResourceExtraction::take(const webclient::Entry& entry, Search& search) {
  const auto content = meta::row_digest(entry.resource);
  const auto& candidate = staging_.convert(entry);
  const auto hex = content.hex();
  const auto [at, is_new] =
      seen_.try_emplace(candidate.id.empty() ? std::string(hex.data(), hex.size()) : std::string(candidate.id),
                        Seen{content, search.number});
  const bool other_search = at->second.search != search.number;
  if (is_new || other_search) ++search.distinct;
  at->second.search = search.number;
  // Received before by a search that is now repeated, whole or in parts.
  if (!is_new && (search.again || other_search)) return staging_.discard();

  ++counts_.entries_received;
  if (is_new && candidate.convertible && !asked_.contains(candidate.patient_id)) {
    ++counts_.out_of_zip;
    return staging_.discard();
  }
  if (is_new) return staging_.keep();
  ++counts_.duplicates;
  // A repeated entry with other content is another version: the loader keeps the newest.
  if (candidate.convertible && at->second.content != content) return staging_.keep_rows();
  staging_.discard();
}

void ResourceExtraction::finish(const Search& search) {
  counts_.missing += search.totals.outside(search.distinct);
  if (!search.totals.known()) {
    counts_.totals_known = false;
    return;
  }
  counts_.server_total_before = counts_.server_total_before.value_or(0) + *search.totals.first;
  counts_.server_total_after = counts_.server_total_after.value_or(0) + *search.totals.last;
}

ExtractedResources ResourceExtraction::record(std::int64_t lease_epoch) {
  auto connection = workplace_.database.borrow();
  storage::Transaction transaction(*connection);
  storage::hold_blobs(*connection);
  const auto content = staging_.finish();
  counts_.traffic = source_.fhir.traffic() - traffic_before_;
  counts_.seconds = std::chrono::duration<double>(Steady::now() - started_).count();
  ExtractedResources result{.batch = step_.batch,
                            .patients = static_cast<std::int64_t>(asked_.size()),
                            .bytes = static_cast<std::int64_t>(counts_.traffic.bytes),
                            .seconds = counts_.seconds,
                            .per_search = per_search_,
                            .negotiated = negotiated_,
                            .counts = counts_of(counts_, content)};
  for (const auto& table : content.tables) result.rows += table.rows;

  storage::check_lease(*connection, lease_epoch);
  resource::record_batch(*connection, run_.run, step_.batch, step_.type, content, counts_, meta::to_json(result));
  transaction.commit(step_.type == "Observation" ? "stage_observations" : "stage_resources");
  resource::count_staged(step_.type);
  spdlog::debug("staged {} rows of {} patients in {:.2f} s", result.rows, result.patients, result.seconds);
  return result;
}

std::vector<std::string> patients_of(storage::Connection& connection, const ExtractResources& step) {
  const auto result = connection.query(
      "SELECT patient_id FROM run_patient WHERE run_id = $1 AND ordinal >= $2 AND ordinal < $3 ORDER BY ordinal",
      {step.run.value, step.first, step.first + step.count});
  std::vector<std::string> ids;
  for (int row = 0; row < result.rows(); ++row) ids.emplace_back(result.text(row, 0));
  if (std::cmp_equal(ids.size(), step.count)) return ids;
  throw meta::Error(meta::ErrorCode::internal,
                    fmt::format("run {}: {} of the patients {} to {} are recorded", step.run.value, ids.size(),
                                step.first, step.first + step.count - 1));
}

}  // namespace

meta::Error unsearchable(const std::string& type, const meta::Error& refusal) {
  return {refusal.code(), fmt::format("{} of patients cannot be searched: {}", type, refusal.message()),
          "If the server does not have them, take them out of WELLHEAD_RESOURCES (or their views out of "
          "WELLHEAD_VIEWS) and load the zip code again"};
}

ExtractedResources extract_resources(Workplace& workplace, orchestration::ActivityContext& activity,
                                     const ExtractResources& step) {
  std::optional<std::string> staged;
  std::optional<Run> run;
  std::vector<std::string> patients;
  {
    auto connection = workplace.database.borrow();
    staged = resource::staged_result(*connection, step.run, step.batch);
    if (staged) return meta::from_json<ExtractedResources>(*staged);
    run = read_run(*connection, step.run);
    patients = patients_of(*connection, step);
  }
  auto source = workplace.sources.borrow(run->source_url);
  source->fhir.set_stop(activity.stop_token());
  ResourceExtraction extraction(workplace, *source, *run, step);
  extraction.fetch(patients);
  return extraction.record(activity.lease_epoch());
}

ExtractedResources extract_observations(Workplace& workplace, orchestration::ActivityContext& activity,
                                        const ExtractObservations& step) {
  return extract_resources(workplace, activity, {step, "Observation"});
}

}  // namespace wellhead::zipcode
