#include "library/storage/postgres/loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include "library/meta/error.h"
#include "library/meta/metrics.h"
#include "library/storage/postgres/incoming.h"
#include "library/storage/postgres/merge.h"

namespace wellhead::storage {
namespace {

using meta::Error;
using meta::ErrorCode;

constexpr int kAttempts = 6;
constexpr auto kFirstWait = std::chrono::milliseconds(20);

// The first half of the advisory locks' numbers ("load"); the second is the table's oid.
constexpr int kLoadLock = 0x6c6f6164;

// What a load's statements gain nothing from: compiling them, and parallel workers, which cannot read temporary tables.
constexpr std::string_view kSettings =
    "SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL work_mem = '64MB'; "
    "SET LOCAL default_statistics_target = 10; SET LOCAL statement_timeout = 0";

void count_rows(const std::string& table, const std::map<std::int64_t, BlobCounts>& blobs) {
  static meta::CounterFamily rows(
      "wellhead_rows_total", "Staged rows that were merged into tables, by what became of them.", {"table", "outcome"});
  for (const auto& [batch, blob] : blobs) {
    const auto add = [&](std::string_view outcome, std::int64_t count) {
      rows.add({table, outcome}, static_cast<double>(count));
    };
    add("inserted", blob.inserted);
    add("updated", blob.updated);
    add("unchanged", blob.unchanged);
    add("older", blob.older);
    add("duplicate", blob.duplicates);
  }
}

// One attempt at a group: one transaction.
class GroupLoad {
 public:
  GroupLoad(Connection& connection, BlobStore& blobs, const LoadRequest& request)
      : blobs_(blobs), request_(request), group_{connection, request.run, {}} {}

  std::vector<TableCounts> run(const Fence& fence) {
    Transaction transaction(group_.connection);
    group_.connection.execute(kSettings);
    fence(group_.connection);
    read_ledger();
    read_batches();
    copy();
    lock();
    merge();
    write_ledger();
    transaction.commit("load");
    for (const auto& [table, incoming] : incoming_) count_rows(table, incoming->all_counts());
    return std::move(counts_);
  }

 private:
  TableCounts& counts_of(const std::string& table) {
    const auto found = std::ranges::find(counts_, table, &TableCounts::table);
    if (found != counts_.end()) return *found;
    return counts_.emplace_back(TableCounts{.table = table});
  }

  void add(const std::string& table, const BlobCounts& blob) {
    auto& counts = counts_of(table);
    counts.rows += blob.rows;
    counts.duplicates += blob.duplicates;
    counts.inserted += blob.inserted;
    counts.updated += blob.updated;
    counts.unchanged += blob.unchanged;
    counts.older += blob.older;
  }

  std::string batch_numbers() const {
    std::vector<std::int64_t> numbers;
    numbers.reserve(request_.batches.size());
    for (const auto& batch : request_.batches) numbers.push_back(batch.batch.value);
    return array_literal(numbers);
  }

  // What this run has loaded already is left out.
  void read_ledger() {
    const auto ledger = group_.connection.query(
        "SELECT batch, table_name, blob_key, rows, duplicates, inserted, updated, unchanged, older FROM load_ledger "
        "WHERE run_id = $1 AND batch = ANY ($2::bigint[])",
        {request_.run.value, batch_numbers()});
    for (int row = 0; row < ledger.rows(); ++row) {
      const std::string table(ledger.text(row, 1));
      const BlobKey key{std::string(ledger.text(row, 2))};
      if (!asked_for(ledger.integer(row, 0), table, key)) continue;
      loaded_.emplace(ledger.integer(row, 0), table, key);
      add(table, {.batch = ledger.integer(row, 0),
                  .key = key,
                  .rows = ledger.integer(row, 3),
                  .duplicates = ledger.integer(row, 4),
                  .inserted = ledger.integer(row, 5),
                  .updated = ledger.integer(row, 6),
                  .unchanged = ledger.integer(row, 7),
                  .older = ledger.integer(row, 8)});
      counts_of(table).skipped_rows += ledger.integer(row, 3);
    }
  }

  bool asked_for(std::int64_t number, const std::string& table, const BlobKey& key) const {
    return std::ranges::any_of(request_.batches, [&](const BatchToLoad& batch) {
      return batch.batch.value == number && std::ranges::any_of(batch.blobs, [&](const BatchToLoad::Blob& blob) {
               return blob.table == table && blob.key == key;
             });
    });
  }

  void read_batches() {
    const auto facts = group_.connection.query(
        "SELECT array_agg(batch), array_agg(raw_blob_id), array_agg(fetched_at), count(*) FROM staged_batch "
        "WHERE run_id = $1 AND batch = ANY ($2::bigint[])",
        {request_.run.value, batch_numbers()});
    if (facts.integer(0, 3) != static_cast<std::int64_t>(request_.batches.size())) {
      throw Error(ErrorCode::internal,
                  fmt::format("run {}: a batch is to be loaded that was never staged", request_.run.value));
    }
    const auto text = [&](int column) { return facts.optional_text(0, column).value_or("{}"); };
    group_.batches = {.batches = text(0), .raw_blob_ids = text(1), .fetched_at = text(2)};
  }

  void copy() {
    for (const auto& target : request_.tables) copy_table(target.name, csv_columns(target));
    copy_table(std::string(kZipcodePatient), zipcode_patient_csv_columns());
    for (const auto& target : request_.tables) {
      auto* incoming = find(target.name);
      if (incoming == nullptr || target.key.empty()) continue;
      parents_.emplace_back(group_, target, *incoming).prepare();
    }
    if (auto* matches = find(std::string(kZipcodePatient))) {
      matches->keep_first("patient_id", latest_match_first(), group_.batches);
    }
  }

  void copy_table(const std::string& table, const std::vector<std::string>& columns) {
    for (const auto& batch : request_.batches) {
      for (const auto& blob : batch.blobs) {
        if (blob.table != table || loaded_.contains({batch.batch.value, table, blob.key})) continue;
        auto& incoming = incoming_[table];
        if (incoming == nullptr) incoming = std::make_unique<Incoming>(group_.connection, table, columns);
        incoming->copy(blobs_, batch.batch.value, blob);
      }
    }
  }

  Incoming* find(const std::string& table) {
    const auto found = incoming_.find(table);
    return found == incoming_.end() ? nullptr : found->second.get();
  }

  // In the order of the names, the same for everyone; held until the commit. A child's turn is its parent's.
  void lock() {
    for (const auto& [table, incoming] : incoming_) {
      group_.connection.query("SELECT pg_advisory_xact_lock($1::integer, $2::regclass::oid::integer)",
                              {kLoadLock, quote_identifier(table)});
    }
  }

  void merge() {
    for (auto& parent : parents_) {
      parent.run();
      for (const auto& child : request_.tables) {
        if (child.parent_table == parent.target().name) merge_children(group_, child, find(child.name), parent);
      }
    }
    if (auto* matches = find(std::string(kZipcodePatient))) merge_zipcode_patients(group_, request_.zipcode, *matches);
  }

  void write_ledger() {
    for (auto& [table, incoming] : incoming_) {
      for (const auto& [batch, blob] : incoming->all_counts()) {
        group_.connection.query(
            "INSERT INTO load_ledger (run_id, batch, table_name, blob_key, rows, duplicates, inserted, updated, "
            "unchanged, "
            "older) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            {request_.run.value, batch, table, blob.key.text, blob.rows, blob.duplicates, blob.inserted, blob.updated,
             blob.unchanged, blob.older});
        add(table, blob);
      }
    }
  }

  BlobStore& blobs_;
  const LoadRequest& request_;
  LoadGroup group_;
  std::set<std::tuple<std::int64_t, std::string, BlobKey>> loaded_;
  std::map<std::string, std::unique_ptr<Incoming>> incoming_;
  std::vector<ParentMerge> parents_;
  std::vector<TableCounts> counts_;
};

// Refuses a request that would lose rows in silence.
void check_request(const LoadRequest& request) {
  for (const auto& batch : request.batches) {
    for (const auto& blob : batch.blobs) {
      if (blob.table != kZipcodePatient &&
          std::ranges::find(request.tables, blob.table, &TargetTable::name) == request.tables.end()) {
        throw Error(ErrorCode::internal,
                    fmt::format("rows are staged for table {}, which is no target of the load", blob.table));
      }
    }
  }
}

void wait_before(int attempt) {
  static thread_local std::mt19937 random(std::random_device{}());
  const auto longest = kFirstWait * (1 << attempt);
  std::this_thread::sleep_for(
      std::uniform_int_distribution<std::int64_t>(longest.count() / 2, longest.count())(random) *
      std::chrono::milliseconds(1));
}

}  // namespace

std::vector<TableCounts> load_batches(Connection& connection, BlobStore& blobs, const LoadRequest& request,
                                      const Fence& fence) {
  check_request(request);
  for (int attempt = 1;; ++attempt) {
    try {
      return GroupLoad(connection, blobs, request).run(fence);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::database_conflict || attempt == kAttempts) throw;
    }
    wait_before(attempt);
  }
}

}  // namespace wellhead::storage
