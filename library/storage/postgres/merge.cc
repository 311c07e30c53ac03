#include "library/storage/postgres/merge.h"

#include <fmt/format.h>

#include "library/meta/error.h"

namespace wellhead::storage {
namespace {

using fmt::arg;

// A sample of the rows, a few of each batch, is enough to tell a first load from a later one.
constexpr std::string_view kSomeKnown =
    "SELECT EXISTS (SELECT FROM {incoming} s JOIN {table} t ON t.{key} = s.{key} WHERE s.raw_index % 64 = 0)";

// place: of the table's row. fate: what the version rule says of an incoming row whose key the table has. repeated:
// this run has loaded the key before; the row is a duplicate then, whatever becomes of it. stale: no run as late as
// this one has seen the row.
constexpr std::string_view kMakeKnown = R"(
CREATE TEMPORARY TABLE {known_name} ON COMMIT DROP AS
SELECT {key}, ctid AS place, 0::bigint AS batch, ''::text AS fate, false AS repeated, false AS stale, fetched_at
  FROM {table} WITH NO DATA)";

constexpr std::string_view kFindKnown = R"(
INSERT INTO {known}
SELECT s.{key}, t.ctid, s.batch,
       CASE WHEN s.digest = t.digest THEN 'same' WHEN {wins} THEN 'changed' ELSE 'older' END,
       t.last_seen_run = $1::bigint, t.last_seen_run < $1::bigint, b.fetched_at
  FROM {incoming} s JOIN {table} t ON t.{key} = s.{key} JOIN {batches} ON b.batch = s.batch)";

constexpr std::string_view kCountKnown =
    "SELECT batch, fate, repeated, stale, count(*) FROM {known} GROUP BY batch, fate, repeated, stale";

constexpr std::string_view kTouch = R"(
UPDATE {table} t
   SET last_seen_run = $1::bigint,
       fetched_at = CASE WHEN k.fate = 'same' THEN greatest(t.fetched_at, k.fetched_at) ELSE t.fetched_at END
  FROM {known} k
 WHERE t.ctid = k.place AND k.fate <> 'changed' AND k.stale)";

constexpr std::string_view kInsertRows = R"(
INSERT INTO {table} ({columns}, digest, raw_frame, raw_index, raw_blob_id, run_id, last_seen_run, fetched_at)
SELECT {source_columns}, s.digest, s.raw_frame, s.raw_index, b.raw_blob_id, $1::bigint, $1::bigint, b.fetched_at
  FROM {incoming} s JOIN {batches} ON b.batch = s.batch)";

constexpr std::string_view kMerge = R"(
MERGE INTO {table} t
USING (SELECT s.*, b.raw_blob_id, b.fetched_at
         FROM {incoming} s JOIN {batches} ON b.batch = s.batch
        WHERE NOT EXISTS (SELECT FROM {known} k WHERE k.{key} = s.{key} AND k.fate <> 'changed')) s
   ON t.{key} = s.{key}
 WHEN MATCHED THEN
   UPDATE SET {assignments}, digest = s.digest, raw_frame = s.raw_frame, raw_index = s.raw_index,
              raw_blob_id = s.raw_blob_id, run_id = $1::bigint, last_seen_run = greatest(t.last_seen_run, $1::bigint),
              fetched_at = s.fetched_at, loaded_at = now()
 WHEN NOT MATCHED THEN
   INSERT ({columns}, digest, raw_frame, raw_index, raw_blob_id, run_id, last_seen_run, fetched_at)
   VALUES ({source_columns}, s.digest, s.raw_frame, s.raw_index, s.raw_blob_id, $1::bigint, $1::bigint, s.fetched_at))";

// FHIR's versionId is any id; only integers have an order. Eighteen digits fit a bigint.
std::string is_integer(std::string_view column) { return fmt::format("{} ~ '^[0-9]{{1,18}}$'", column); }

// Whether the incoming row `s`, fetched with batch `b`, wins over the table's row `t`.
std::string wins(const TargetTable& target) {
  std::string sql = "CASE ";
  if (!target.last_updated.empty()) {
    const auto column = quote_identifier(target.last_updated);
    sql += fmt::format("WHEN s.{0} <> t.{0} THEN s.{0} > t.{0} ", column);
  }
  if (!target.version.empty()) {
    const auto column = quote_identifier(target.version);
    sql += fmt::format(
        "WHEN CASE WHEN {} AND {} THEN s.{}::bigint <> t.{}::bigint ELSE false END THEN s.{}::bigint > t.{}::bigint ",
        is_integer("s." + column), is_integer("t." + column), column, column, column, column);
  }
  if (sql == "CASE ") return "b.fetched_at >= t.fetched_at";
  return sql + "ELSE b.fetched_at >= t.fetched_at END";
}

std::string over_versions(const TargetTable& target, std::string_view column) {
  return fmt::format("OVER (PARTITION BY s.{}) AS every_{}", quote_identifier(target.key), column);
}

// Only Wellhead writes these tables, and whoever does holds the lock; repeating the transaction sees what the other
// did.
[[noreturn]] void fail_changed(const TargetTable& target) {
  throw meta::Error(meta::ErrorCode::database_conflict,
                    fmt::format("table {} was changed by something other than Wellhead during a load", target.name));
}

}  // namespace

std::string column_list(const std::vector<std::string>& columns, std::string_view format) {
  std::string out;
  for (const auto& column : columns) {
    if (!out.empty()) out += ", ";
    out += fmt::format(fmt::runtime(format), quote_identifier(column));
  }
  return out;
}

VersionOrder newest_first(const TargetTable& target) {
  VersionOrder order;
  // As for two rows: what not all versions have decides nothing.
  if (!target.last_updated.empty()) {
    const auto column = quote_identifier(target.last_updated);
    order.facts += fmt::format(", bool_and(s.{} IS NOT NULL) {}", column, over_versions(target, "last_updated"));
    order.order += fmt::format("CASE WHEN s.every_last_updated THEN s.{} END DESC, ", column);
  }
  if (!target.version.empty()) {
    const auto column = quote_identifier(target.version);
    order.facts +=
        fmt::format(", bool_and(coalesce({}, false)) {}", is_integer("s." + column), over_versions(target, "version"));
    order.order += fmt::format("CASE WHEN s.every_version THEN s.{}::bigint END DESC, ", column);
  }
  order.order += "s.fetched_at DESC, s.batch DESC, s.raw_frame DESC, s.raw_index DESC";
  return order;
}

std::vector<std::string> csv_columns(const TargetTable& target) {
  auto columns = target.columns;
  columns.insert(columns.end(), {"digest", "batch", "raw_frame", "raw_index"});
  return columns;
}

ParentMerge::ParentMerge(LoadGroup& group, const TargetTable& target, Incoming& incoming)
    : group_(group),
      target_(target),
      incoming_(incoming),
      known_table_("pg_temp." + quote_identifier("known_" + target.name)) {}

void ParentMerge::prepare() {
  some_known_ = group_.connection.query(sql(kSomeKnown)).boolean(0, 0);
  if (some_known_) incoming_.keep_first(target_.key, newest_first(target_), group_.batches);
}

void ParentMerge::run() {
  if (!some_known_ && insert_if_all_new()) return;
  incoming_.keep_first(target_.key, newest_first(target_), group_.batches);
  find_known();
  count_known();
  if (stale_ > 0) touch();
  const auto to_write = incoming_.rows() - known_ + changed_;
  if (to_write > 0 && change(kMerge) != to_write) fail_changed(target_);
}

bool ParentMerge::insert_if_all_new() {
  group_.connection.execute("SAVEPOINT before_insert");
  try {
    change(kInsertRows);
  } catch (const meta::Error& error) {
    if (error.code() != meta::ErrorCode::database_conflict) throw;
    group_.connection.execute("ROLLBACK TO SAVEPOINT before_insert");
    return false;
  }
  group_.connection.execute("RELEASE SAVEPOINT before_insert");
  for (auto& [batch, counts] : incoming_.all_counts()) counts.inserted = counts.rows;
  return true;
}

void ParentMerge::touch() {
  const auto touched = group_.connection.query(sql(kTouch), {group_.run.value}).affected_rows();
  if (touched != stale_) fail_changed(target_);
}

std::string ParentMerge::sql(std::string_view statement) const {
  return fmt::format(fmt::runtime(statement), arg("table", quote_identifier(target_.name)),
                     arg("key", quote_identifier(target_.key)), arg("incoming", incoming_.name()),
                     arg("known", known_table_), arg("known_name", quote_identifier("known_" + target_.name)),
                     arg("batches", batches_sql(2)), arg("wins", wins(target_)),
                     arg("columns", column_list(target_.columns, "{}")),
                     arg("source_columns", column_list(target_.columns, "s.{}")),
                     arg("assignments", column_list(target_.columns, "{0} = s.{0}")));
}

// The statements that write take the run and the batches.
std::int64_t ParentMerge::change(std::string_view statement) {
  const auto& batches = group_.batches;
  return group_.connection
      .query(sql(statement), {group_.run.value, batches.batches, batches.raw_blob_ids, batches.fetched_at})
      .affected_rows();
}

void ParentMerge::find_known() {
  group_.connection.execute(sql(kMakeKnown));
  known_ = change(kFindKnown);
}

void ParentMerge::count_known() {
  for (auto& [batch, counts] : incoming_.all_counts()) counts.inserted = counts.rows - counts.duplicates;
  if (known_ == 0) return;
  const auto fates = group_.connection.query(sql(kCountKnown));
  for (int row = 0; row < fates.rows(); ++row) {
    auto& counts = incoming_.counts(fates.integer(row, 0));
    const auto fate = fates.text(row, 1);
    const auto rows = fates.integer(row, 4);
    if (fate == "changed") changed_ += rows;
    if (fate != "changed" && fates.boolean(row, 3)) stale_ += rows;
    counts.inserted -= rows;
    auto& counted = fates.boolean(row, 2) ? counts.duplicates
                    : fate == "changed"   ? counts.updated
                    : fate == "same"      ? counts.unchanged
                                          : counts.older;
    counted += rows;
  }
}

}  // namespace wellhead::storage
