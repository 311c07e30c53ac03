// Runs as they stand in the database: asking for one, ending it, its progress and its receipt. Every call blocks on the
// given connection and throws the Error{database_*} of library/storage/postgres/connection.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/meta/describe.h"
#include "library/meta/ids.h"
#include "library/storage/postgres/connection.h"
#include "service/zipcode/steps.h"

namespace wellhead::zipcode {

struct Run {
  meta::RunId run;
  meta::Zipcode zipcode;
  std::string source_url;
  std::string state;  // queued | running | complete | unverified | incomplete | failed | cancelled
  std::string requested_at;
  std::optional<std::string> started_at;
  std::optional<std::string> finished_at;
  std::optional<double> seconds;  // from start to end, or until now
  std::optional<std::string> failed_step;
  std::optional<std::string> error;
  LoadOptions options;
  bool paused = false;

  bool open() const { return state == "queued" || state == "running"; }

  static constexpr auto kFields = meta::fields(
      meta::field("run", &Run::run), meta::field("zipcode", &Run::zipcode), meta::field("source_url", &Run::source_url),
      meta::field("state", &Run::state), meta::field("requested_at", &Run::requested_at),
      meta::field("started_at", &Run::started_at), meta::field("finished_at", &Run::finished_at),
      meta::field("seconds", &Run::seconds), meta::field("failed_step", &Run::failed_step),
      meta::field("error", &Run::error), meta::field("options", &Run::options), meta::field("paused", &Run::paused));
};

// What became of one resource type in a run, in one of its tables; the columns of the table receipt.
struct Receipt {
  std::string resource_type;
  std::string table;
  std::int64_t place = 0;  // among the tables of the type
  std::string verdict;
  std::optional<std::int64_t> server_total_before;
  std::optional<std::int64_t> server_total_after;
  std::int64_t entries_received = 0, duplicates = 0, out_of_zip = 0, rejected = 0, erased = 0, filtered = 0, staged = 0;
  std::int64_t inserted = 0, updated = 0, unchanged = 0, older = 0, missing = 0, no_longer_found = 0;
  std::int64_t requests = 0, retries = 0, bytes_received = 0;
  double seconds = 0;
  std::optional<std::string> digest;

  static constexpr auto kFields = meta::fields(
      meta::field("resource_type", &Receipt::resource_type), meta::field("table", &Receipt::table),
      meta::field("verdict", &Receipt::verdict), meta::field("server_total_before", &Receipt::server_total_before),
      meta::field("server_total_after", &Receipt::server_total_after),
      meta::field("entries_received", &Receipt::entries_received), meta::field("duplicates", &Receipt::duplicates),
      meta::field("out_of_zip", &Receipt::out_of_zip), meta::field("rejected", &Receipt::rejected),
      meta::field("erased", &Receipt::erased), meta::field("filtered", &Receipt::filtered),
      meta::field("staged", &Receipt::staged), meta::field("inserted", &Receipt::inserted),
      meta::field("updated", &Receipt::updated), meta::field("unchanged", &Receipt::unchanged),
      meta::field("older", &Receipt::older), meta::field("missing", &Receipt::missing),
      meta::field("no_longer_found", &Receipt::no_longer_found), meta::field("requests", &Receipt::requests),
      meta::field("retries", &Receipt::retries), meta::field("bytes_received", &Receipt::bytes_received),
      meta::field("seconds", &Receipt::seconds), meta::field("digest", &Receipt::digest));
};

// A run and how far it is.
struct Progress : LoadCounts {
  Run run;
};

struct RequestedRun {
  meta::RunId run;
  bool joined = false;  // the zip code was already queued or loading
};

// Makes the run's row, or finds the open one of this zip code.
RequestedRun request_run(storage::Connection& connection, const meta::Zipcode& zipcode, std::string_view source_url,
                         const LoadOptions& options);

// Makes a run that failed or was cancelled open again. Error{conflict} when another run of its zip code is open, or
// somebody else has reopened it.
void reopen_run(storage::Connection& connection, const Run& run);

// Error{not_found} when there is no such run.
Run read_run(storage::Connection& connection, meta::RunId run);
std::vector<Run> read_runs(storage::Connection& connection, std::optional<meta::Zipcode> zipcode, int limit);
std::vector<Run> read_open_runs(storage::Connection& connection);
std::vector<Receipt> read_receipts(storage::Connection& connection, meta::RunId run);
// By sums over what is staged and loaded, as every process can see it: for a run whose workflow cannot be asked.
Progress read_progress(storage::Connection& connection, meta::RunId run);

// The plain answer of a finished run: "complete as of 10:42: 1,204 patients, 48,160 observations, 3 rejected, 0
// missing".
std::string receipt_sentence(const Run& run, const std::vector<Receipt>& receipts);

}  // namespace wellhead::zipcode
