#include "service/resource/staging.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "library/storage/blob/frames.h"

namespace wellhead::resource {
namespace {

// Enough that compressing pays, little enough that many batches fit into memory.
constexpr std::size_t kFlushBytes = 64 << 10;

enum class Outcome { row, filtered, rejected };

// The n-th field of a CSV line: an id, which has no quotes within, though there may be some around it.
std::string_view csv_field(std::string_view line, std::size_t n) {
  const auto unquoted = [](std::string_view field) {
    return field.size() >= 2 && field.front() == '"' ? field.substr(1, field.size() - 2) : field;
  };
  bool quoted = false;
  std::size_t start = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] == '"') quoted = !quoted;
    if (quoted || (line[at] != ',' && line[at] != '\n')) continue;
    if (n-- == 0) return unquoted(line.substr(start, at - start));
    start = at + 1;
  }
  return unquoted(line.substr(start));
}

// One target, with what the resource at hand has become in it.
struct Target {
  // Where an output stood before the resource at hand.
  struct Mark {
    std::size_t bytes = 0;
    std::uint64_t rows = 0;
  };

  Target(storage::BlobStore& store, StagingTarget given) : target(std::move(given)) {
    for (std::size_t i = 0; i < target.tables.size(); ++i) writers.emplace_back(store);
    outputs.resize(target.tables.size());
    marks.resize(target.tables.size());
    counts.table = target.tables.front();
  }

  void convert(std::string_view resource, std::string_view trailing) {
    for (std::size_t i = 0; i < outputs.size(); ++i) marks[i] = {outputs[i].bytes.size(), outputs[i].rows};
    auto converted = target.converter->convert(resource, trailing, outputs);
    outcome = Outcome::row;
    if (converted) return;
    outcome = converted.error().no_row ? Outcome::filtered : Outcome::rejected;
    rejection = {std::move(converted.error().resource_id), std::move(converted.error().reason), {}, {}};
  }
  // Instead of the row that it has become.
  void refuse(std::string_view id, std::string reason) {
    discard();
    outcome = Outcome::rejected;
    rejection = {std::string(id), std::move(reason), {}, {}};
  }
  std::string_view id() const {
    return outcome == Outcome::row ? target.converter->resource_id() : std::string_view(rejection.resource_id);
  }
  std::string_view patient_id() const {
    return csv_field(std::string_view(outputs.front().bytes).substr(marks.front().bytes), target.patient_place);
  }
  void count() {
    ++(outcome == Outcome::row ? counts.staged : outcome == Outcome::filtered ? counts.filtered : counts.rejected);
  }
  void flush() {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      auto& bytes = outputs[i].bytes;
      if (bytes.size() < kFlushBytes) continue;
      writers[i].write(bytes);
      bytes.clear();
    }
  }
  void discard() {
    if (outcome != Outcome::row) return;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      outputs[i].bytes.resize(marks[i].bytes);
      outputs[i].rows = marks[i].rows;
    }
  }

  StagingTarget target;
  std::vector<storage::CsvBlobWriter> writers;
  std::vector<converter::CsvOutput> outputs;
  std::vector<Mark> marks;
  StagedView counts;
  Outcome outcome = Outcome::rejected;
  Reject rejection;
};

}  // namespace

struct Staging::State {
  struct Extra {
    std::string table;
    storage::CsvBlobWriter writer;
    converter::CsvOutput output;
  };

  storage::BlobStore* store;
  meta::BatchId batch;
  storage::RawBlobWriter raw;
  std::int64_t raw_lines = 0;
  std::vector<Target> targets;
  std::vector<Extra> extras;
  std::vector<Reject> rejects;
  std::string trailing;

  webclient::Entry entry;  // at hand
  Candidate candidate;
};

Staging::Staging(storage::BlobStore& store, std::vector<StagingTarget> targets, meta::BatchId batch)
    : state_(new State{.store = &store, .batch = batch, .raw = storage::RawBlobWriter(store)}) {
  for (auto& target : targets) state_->targets.emplace_back(store, std::move(target));
}

Staging::~Staging() = default;

const Staging::Candidate& Staging::convert(const webclient::Entry& entry) {
  auto& state = *state_;
  state.entry = entry;
  state.candidate = {};
  if (!entry.valid_utf8) {
    for (auto& target : state.targets) {
      target.outcome = Outcome::rejected;
      target.rejection = {"", "the resource is not valid UTF-8", {}, {}};
    }
    return state.candidate;
  }
  const auto position = state.raw.next_position();
  state.trailing.clear();
  fmt::format_to(std::back_inserter(state.trailing), ",{},{},{}", state.batch.value, position.frame, position.index);
  for (auto& target : state.targets) target.convert(entry.resource, state.trailing);
  auto& candidate = state.candidate;
  candidate.first = state.targets.front().outcome == Outcome::row;
  for (auto& target : state.targets) {
    if (candidate.first || !target.target.follows || target.outcome != Outcome::row) continue;
    target.refuse(target.id(), fmt::format("table {} does not take it", state.targets.front().counts.table));
  }
  for (const auto& target : state.targets) {
    if (candidate.id.empty()) candidate.id = target.id();
    if (target.outcome != Outcome::row || candidate.convertible) continue;
    candidate.convertible = true;
    candidate.patient_id = target.patient_id();
  }
  return candidate;
}

void Staging::keep() {
  auto& state = *state_;
  for (auto& target : state.targets) {
    target.count();
    if (target.outcome != Outcome::rejected) continue;
    target.rejection.raw = state.entry.resource;
    if (&target != &state.targets.front()) target.rejection.table = target.counts.table;
    state.rejects.push_back(std::move(target.rejection));
  }
  keep_rows();
}

void Staging::keep_rows() {
  auto& state = *state_;
  if (!state.candidate.convertible) return;
  state.raw.add(state.entry.resource);
  ++state.raw_lines;
  for (auto& target : state.targets) target.flush();
}

void Staging::discard() {
  for (auto& target : state_->targets) target.discard();
}

void Staging::add_row(std::string_view table, std::string_view line) {
  auto& extras = state_->extras;
  auto found = std::ranges::find(extras, table, &State::Extra::table);
  if (found == extras.end()) {
    extras.push_back({std::string(table), storage::CsvBlobWriter(*state_->store), {}});
    found = std::prev(extras.end());
  }
  found->output.bytes.append(line).push_back('\n');
  ++found->output.rows;
  if (found->output.bytes.size() < kFlushBytes) return;
  found->writer.write(found->output.bytes);
  found->output.bytes.clear();
}

std::int64_t Staging::staged() const { return state_->targets.front().counts.staged; }

StagedContent Staging::finish() {
  auto& state = *state_;
  StagedContent content;
  content.rejects = std::move(state.rejects);
  const auto finish_csv = [&](storage::CsvBlobWriter& writer, const std::string& table,
                              const converter::CsvOutput& output) {
    if (output.rows == 0) return;
    writer.write(output.bytes);
    const auto written = writer.finish();
    content.tables.push_back(
        {table, written.key, static_cast<std::int64_t>(output.rows), static_cast<std::int64_t>(written.bytes)});
  };
  for (auto& target : state.targets) {
    content.views.push_back(target.counts);
    for (std::size_t i = 0; i < target.outputs.size(); ++i) {
      finish_csv(target.writers[i], target.target.tables[i], target.outputs[i]);
    }
  }
  for (auto& extra : state.extras) finish_csv(extra.writer, extra.table, extra.output);
  if (state.raw_lines > 0) {
    const auto written = state.raw.finish();
    content.raw_frames = written.frames;
    content.raw = StagedTable{"raw", written.key, state.raw_lines, static_cast<std::int64_t>(written.bytes)};
  }
  return content;
}

}  // namespace wellhead::resource
