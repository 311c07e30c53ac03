#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <unordered_set>
#include <utility>

#include "library/meta/error.h"
#include "library/meta/logging.h"
#include "library/storage/postgres/blob_removal.h"
#include "library/storage/postgres/journal.h"
#include "service/patient/address.h"
#include "service/resource/batch_record.h"
#include "service/resource/staging.h"
#include "service/zipcode/extraction.h"
#include "service/zipcode/runs.h"

namespace wellhead::zipcode {
namespace {

using Steady = std::chrono::steady_clock;

// A search whose links keep expiring faster than its pages can be read is given up.
constexpr int kMostRestarts = 5;

// A patient that the first table does not take has no ordinal, and is of no zip code.
std::vector<resource::StagingTarget> patient_targets(Workplace& workplace, Source& source, const Run& run) {
  auto targets = staging_targets(source, workplace.catalog.tables_of(run.options, "Patient"));
  for (auto& target : targets) target.follows = target.tables.front() != "patient";
  return targets;
}

class PatientExtraction {
 public:
  PatientExtraction(Workplace& workplace, Source& source, const Run& run, const ExtractPatients& step,
                    erasure::ErasedPatients erased)
      : workplace_(workplace),
        source_(source),
        run_(run),
        step_(step),
        erased_(std::move(erased)),
        staging_(workplace.blobs, patient_targets(workplace, source, run), step.batch),
        skip_known_(step.sweep > 1) {
    result_.batch = step.batch;
    counts_.fetched_at = meta::SystemClock().now();
  }

  void fetch();
  ExtractedPatients record(std::int64_t lease_epoch);

 private:
  void begin_search();
  webclient::SearchPage next_page();
  void take(const webclient::SearchPage& page);
  void take(const webclient::Entry& entry);
  // Under what a patient stands in run_patient: an erased one under its digest, so that it is counted once.
  struct KnownAs {
    std::string id;
    bool erased = false;
  };
  KnownAs known_as(const std::string& id);
  void pass_over(const std::string& erased_id);
  std::unordered_set<std::string> already_received(const webclient::SearchPage& page);
  bool enough() const;

  Workplace& workplace_;
  Source& source_;
  const Run& run_;
  const ExtractPatients& step_;
  erasure::ErasedPatients erased_;
  resource::Staging staging_;
  resource::BatchCounts counts_;
  ExtractedPatients result_;

  std::optional<webclient::Pager> pager_;
  // In a search that was begun again, what an earlier pass has received is passed over and not counted.
  bool skip_known_;
  int restarts_ = 0;
  bool fresh_page_ = true;                    // the last page brought something new
  std::unordered_set<std::string> known_;     // of the page at hand, received before this batch
  std::unordered_set<std::string> received_;  // in this batch
  std::vector<std::string> ids_, ordinals_;   // for run_patient
  std::vector<std::string> restored_;         // digests of erased patients that this run brings back
  Steady::time_point started_ = Steady::now();
  webclient::Traffic traffic_before_;
};

void PatientExtraction::begin_search() {
  pager_.emplace(source_.fhir, "Patient",
                 webclient::Parameters{{"address-postalcode", run_.zipcode.text()},
                                       {"_count", std::to_string(run_.options.page_size)}});
}

void PatientExtraction::fetch() {
  traffic_before_ = source_.fhir.traffic();
  if (step_.cursor) {
    pager_.emplace(source_.fhir, *step_.cursor);
  } else {
    begin_search();
  }
  for (bool first = true; first || !enough(); first = false) {
    const auto page = next_page();
    ++result_.pages;
    take(page);
    result_.next = page.next;
    if (!page.next) break;
  }
  if (!skip_known_ && counts_.entries_received > 0 && received_.empty() && result_.next) {
    throw meta::Error(
        meta::ErrorCode::source_limit,
        fmt::format("zip {}: the patient search of {} goes round in circles: {} pages brought nothing new",
                    run_.zipcode.text(), meta::redacted_url(run_.source_url), result_.pages),
        "Report it to whoever runs the server; a smaller --page-size may help");
  }
}

webclient::SearchPage PatientExtraction::next_page() {
  for (;;) {
    try {
      if (auto page = pager_->next()) return std::move(*page);
      return {};
    } catch (const meta::Error& error) {
      if (error.code() != meta::ErrorCode::source_page_expired || ++restarts_ > kMostRestarts) throw;
      spdlog::info("the search is begun again: {}", error.message());
    }
    skip_known_ = true;
    begin_search();
  }
}

// A restarted search goes on at least to the first page that brings something new: the next activity does not know
// that it was restarted.
bool PatientExtraction::enough() const {
  if (restarts_ > 0 && !fresh_page_) return false;
  const auto bytes = (source_.fhir.traffic() - traffic_before_).bytes;
  return std::chrono::duration<double>(Steady::now() - started_).count() >= run_.options.batch_seconds ||
         static_cast<std::int64_t>(bytes) >= run_.options.batch_bytes;
}

void PatientExtraction::take(const webclient::SearchPage& page) {
  known_ = already_received(page);
  const auto before = received_.size();
  for (const auto& entry : page.entries) take(entry);
  fresh_page_ = received_.size() > before;
}

std::unordered_set<std::string> PatientExtraction::already_received(const webclient::SearchPage& page) {
  std::vector<std::string> ids;
  for (const auto& entry : page.entries) {
    if (!entry.valid_utf8) continue;
    const auto head = patient::read_head(entry.resource, run_.zipcode);
    if (head) ids.push_back(known_as(head->id).id);
  }
  const auto result = workplace_.database.borrow()->query(
      "SELECT patient_id FROM run_patient WHERE run_id = $1 AND patient_id = ANY ($2::text[])",
      {run_.run.value, storage::array_literal(ids)});
  std::unordered_set<std::string> known;
  for (int row = 0; row < result.rows(); ++row) known.emplace(result.text(row, 0));
  return known;
}

PatientExtraction::KnownAs PatientExtraction::known_as(const std::string& id) {
  const auto digest = erased_.find(id);
  if (!digest) return {id, false};
  if (!run_.options.restore_erased.value_or(false)) return {"erased-" + *digest, true};
  restored_.push_back(*digest);
  return {id, false};
}

void PatientExtraction::pass_over(const std::string& erased_id) {
  ++counts_.erased;
  received_.insert(erased_id);
  ids_.push_back(erased_id);
  ordinals_.emplace_back();
}

void PatientExtraction::take(const webclient::Entry& entry) {
  const auto head = entry.valid_utf8 ? patient::read_head(entry.resource, run_.zipcode) : std::nullopt;
  const auto [id, is_erased] = known_as(head ? head->id : "");
  const bool known = !id.empty() && (known_.contains(id) || received_.contains(id));
  if (known && skip_known_) return;
  ++counts_.entries_received;
  if (known) {
    ++counts_.duplicates;
    return;
  }
  if (is_erased) return pass_over(id);
  const bool in_zip = !head || head->address.has_value();
  if (!in_zip) ++counts_.out_of_zip;
  const auto ordinal = step_.first_ordinal + staging_.staged();
  const bool staged = in_zip && staging_.convert(entry).first;
  if (in_zip) staging_.keep();
  if (!resource::is_storable_id(id)) return;
  received_.insert(id);
  ids_.push_back(id);
  ordinals_.push_back(staged ? std::to_string(ordinal) : "");
  if (!staged) return;
  staging_.add_row("zipcode_patient", fmt::format("{},{},\"{}\",{}", id, head->address->index,
                                                  head->address->postal_code, step_.batch.value));
}

ExtractedPatients PatientExtraction::record(std::int64_t lease_epoch) {
  auto connection = workplace_.database.borrow();
  storage::Transaction transaction(*connection);
  storage::hold_blobs(*connection);
  const auto content = staging_.finish();
  result_.patients = content.views.front().staged;
  for (const auto& table : content.tables) result_.rows += table.rows;
  counts_.traffic = source_.fhir.traffic() - traffic_before_;
  counts_.seconds = std::chrono::duration<double>(Steady::now() - started_).count();
  result_.counts = counts_of(counts_, content);

  storage::check_lease(*connection, lease_epoch);
  if (!erased_.current(*connection)) {
    throw meta::Error(meta::ErrorCode::database_conflict, "a patient was erased while this batch was fetched");
  }
  erasure::restore(*connection, restored_);
  resource::record_batch(*connection, run_.run, step_.batch, "Patient", content, counts_, meta::to_json(result_));
  connection->query(
      "INSERT INTO run_patient (run_id, batch, patient_id, ordinal) "
      "SELECT $1, $2, id, nullif(ordinal, '')::bigint FROM unnest($3::text[], $4::text[]) AS received (id, ordinal)",
      {run_.run.value, step_.batch.value, storage::array_literal(ids_), storage::array_literal(ordinals_)});
  transaction.commit("stage_patients");
  resource::count_staged("Patient");
  spdlog::debug("staged {} patients of {} pages in {:.2f} s", result_.patients, result_.pages, counts_.seconds);
  return result_;
}

}  // namespace

webclient::Parameters patient_search(const meta::Zipcode& zipcode) { return {{"address-postalcode", zipcode.text()}}; }

ExtractionCounts counts_of(const resource::BatchCounts& counts, const resource::StagedContent& content) {
  return {.staged = content.views.front().staged,
          .rejected = content.views.front().rejected,
          .requests = static_cast<std::int64_t>(counts.traffic.requests),
          .retries = static_cast<std::int64_t>(counts.traffic.retries),
          .bytes = static_cast<std::int64_t>(counts.traffic.bytes)};
}

std::vector<resource::StagingTarget> staging_targets(Source& source,
                                                     const std::vector<const resource::ResourceTable*>& tables) {
  std::vector<resource::StagingTarget> targets;
  targets.reserve(tables.size());
  for (const auto* table : tables) {
    targets.push_back({&source.converter(*table), table->table_names(), table->patient_place()});
  }
  return targets;
}

ExtractedPatients extract_patients(Workplace& workplace, orchestration::ActivityContext& activity,
                                   const ExtractPatients& step) {
  std::optional<Run> run;
  erasure::ErasedPatients erased;
  {
    auto connection = workplace.database.borrow();
    const auto staged = resource::staged_result(*connection, step.run, step.batch);
    if (staged) return meta::from_json<ExtractedPatients>(*staged);
    run = read_run(*connection, step.run);
    erased = erasure::ErasedPatients::read(*connection, workplace.erasure_key);
  }
  auto source = workplace.sources.borrow(run->source_url);
  source->fhir.set_stop(activity.stop_token());
  PatientExtraction extraction(workplace, *source, *run, step, std::move(erased));
  extraction.fetch();
  return extraction.record(activity.lease_epoch());
}

}  // namespace wellhead::zipcode
