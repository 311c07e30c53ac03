#include <fmt/format.h>

#include "library/storage/postgres/merge.h"

namespace wellhead::storage {
namespace {

using fmt::arg;

constexpr std::string_view kInsertAll = R"(
INSERT INTO {table} ({columns}, digest, raw_frame, raw_index, raw_blob_id, run_id, last_seen_run, fetched_at)
SELECT {source_columns}, s.digest, s.raw_frame, s.raw_index, b.raw_blob_id, $1::bigint, $1::bigint, b.fetched_at
  FROM {incoming} s JOIN {batches} ON b.batch = s.batch)";

// What became of each child's parent: no row when the parent was a repeat that was not kept.
constexpr std::string_view kParents =
    "{parents} p ON p.{parent_id} = s.{parent_key} AND p.batch = s.batch AND p.raw_frame = s.raw_frame AND "
    "p.raw_index = s.raw_index LEFT JOIN {known} k ON k.{parent_id} = p.{parent_id}";

constexpr std::string_view kInsertWritten = " JOIN {joins_parents} WHERE k.fate IS NULL OR k.fate = 'changed'";

constexpr std::string_view kDeleteReplaced =
    "DELETE FROM {table} t USING {known} k WHERE k.fate = 'changed' AND t.{parent_key} = k.{parent_id}";

constexpr std::string_view kTouchChildren = R"(
UPDATE {table} t
   SET last_seen_run = $1::bigint,
       fetched_at = CASE WHEN k.fate = 'same' THEN greatest(t.fetched_at, k.fetched_at) ELSE t.fetched_at END
  FROM {known} k
 WHERE t.{parent_key} = k.{parent_id} AND k.fate <> 'changed' AND t.last_seen_run < $1::bigint)";

constexpr std::string_view kCountChildren = R"(
SELECT s.batch,
       count(*) FILTER (WHERE p.{parent_id} IS NULL OR k.repeated),
       count(*) FILTER (WHERE p.{parent_id} IS NOT NULL AND k.fate IS NULL),
       count(*) FILTER (WHERE k.fate = 'changed' AND NOT k.repeated),
       count(*) FILTER (WHERE k.fate = 'same' AND NOT k.repeated),
       count(*) FILTER (WHERE k.fate = 'older' AND NOT k.repeated)
  FROM {incoming} s LEFT JOIN {joins_parents}
 GROUP BY s.batch)";

class ChildMerge {
 public:
  ChildMerge(LoadGroup& group, const TargetTable& target, Incoming* incoming, const ParentMerge& parent)
      : group_(group), target_(target), incoming_(incoming), parent_(parent) {}

  void run() {
    if (parent_.any_changed()) group_.connection.query(sql(kDeleteReplaced));
    if (!parent_.all_new()) group_.connection.query(sql(kTouchChildren), {group_.run.value});
    if (incoming_ == nullptr) return;
    if (parent_.all_new() && parent_.incoming().complete()) {
      insert(sql(kInsertAll));
      for (auto& [batch, counts] : incoming_->all_counts()) counts.inserted = counts.rows;
    } else {
      insert(sql(kInsertAll) + sql(kInsertWritten));
      count();
    }
  }

 private:
  void insert(const std::string& statement) {
    const auto& batches = group_.batches;
    group_.connection.query(statement, {group_.run.value, batches.batches, batches.raw_blob_ids, batches.fetched_at});
  }

  void count() {
    const auto result = group_.connection.query(sql(kCountChildren));
    for (int row = 0; row < result.rows(); ++row) {
      auto& counts = incoming_->counts(result.integer(row, 0));
      counts.duplicates = result.integer(row, 1);
      counts.inserted = result.integer(row, 2);
      counts.updated = result.integer(row, 3);
      counts.unchanged = result.integer(row, 4);
      counts.older = result.integer(row, 5);
    }
  }

  std::string sql(std::string_view statement) const {
    const auto parents = format(kParents, "");
    return format(statement, parents);
  }

  std::string format(std::string_view statement, const std::string& joins_parents) const {
    return fmt::format(
        fmt::runtime(statement), arg("table", quote_identifier(target_.name)),
        arg("incoming", incoming_ == nullptr ? "" : incoming_->name()), arg("batches", batches_sql(2)),
        arg("columns", column_list(target_.columns, "{}")), arg("source_columns", column_list(target_.columns, "s.{}")),
        arg("parent_key", quote_identifier(target_.parent_key)),
        arg("parent_id", quote_identifier(parent_.target().key)), arg("parents", parent_.incoming().name()),
        arg("known", parent_.known()), arg("joins_parents", joins_parents));
  }

  LoadGroup& group_;
  const TargetTable& target_;
  Incoming* incoming_;
  const ParentMerge& parent_;
};

}  // namespace

void merge_children(LoadGroup& group, const TargetTable& target, Incoming* incoming, const ParentMerge& parent) {
  ChildMerge(group, target, incoming, parent).run();
}

}  // namespace wellhead::storage
