// From a group's incoming rows to the target tables, with the counts of what became of them. Private to the loader; the
// caller holds the target tables' locks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "library/meta/ids.h"
#include "library/storage/postgres/connection.h"
#include "library/storage/postgres/incoming.h"
#include "library/storage/postgres/loader.h"

namespace wellhead::storage {

struct LoadGroup {
  Connection& connection;
  meta::RunId run;
  BatchFacts batches;
};

// Which of several versions of a row to keep.
VersionOrder newest_first(const TargetTable& target);

// Columns, quoted, each put in place of {} (or {0}) in `format`, with commas between.
std::string column_list(const std::vector<std::string>& columns, std::string_view format);

// The columns of a resource table's CSV, in its order.
std::vector<std::string> csv_columns(const TargetTable& target);

// A resource's own table.
class ParentMerge {
 public:
  // All by reference; they outlive it.
  ParentMerge(LoadGroup& group, const TargetTable& target, Incoming& incoming);

  // Before the lock is taken: looks whether the table has some of the keys already, and if so leaves one row of each
  // key.
  void prepare();

  // Under the lock. Rows of which none was known and none is repeated are just inserted, which the primary key proves.
  // Otherwise joins them with the table into pg_temp.known_<table>, merges, raises last_seen_run of the rows that stay,
  // and counts.
  void run();

  // What child tables need to know.
  bool all_new() const { return known_ == 0; }
  bool any_changed() const { return changed_ > 0; }
  const TargetTable& target() const { return target_; }
  const Incoming& incoming() const { return incoming_; }
  const std::string& known() const { return known_table_; }

 private:
  bool insert_if_all_new();
  void find_known();
  void count_known();
  void touch();
  std::int64_t change(std::string_view statement);
  std::string sql(std::string_view statement) const;

  LoadGroup& group_;
  const TargetTable& target_;
  Incoming& incoming_;
  std::string known_table_;
  bool some_known_ = false;
  std::int64_t known_ = 0;    // incoming rows whose key the table has
  std::int64_t changed_ = 0;  // of those, the ones that win over the table's row
  std::int64_t stale_ = 0;    // and those that lose or are equal, but were not seen by this run or a later one
};

// A child table: rows of inserted parents are inserted, of changed parents replaced, of others left. incoming is null
// when no blob of the group has rows for it, which still removes what changed parents no longer have.
void merge_children(LoadGroup& group, const TargetTable& target, Incoming* incoming, const ParentMerge& parent);

// zipcode_patient: by which address a patient matched. first_seen_run stays, last_seen_run rises.
inline constexpr std::string_view kZipcodePatient = "zipcode_patient";
std::vector<std::string> zipcode_patient_csv_columns();
VersionOrder latest_match_first();
void merge_zipcode_patients(LoadGroup& group, const meta::Zipcode& zipcode, Incoming& incoming);

}  // namespace wellhead::storage
