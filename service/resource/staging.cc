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

}  // namespace

struct Staging::State {
  struct Extra {
    std::string table;
    storage::CsvBlobWriter writer;
    converter::CsvOutput output;
  };
  // Where an output stood before the resource at hand.
  struct Mark {
    std::size_t bytes = 0;
    std::uint64_t rows = 0;
  };

  storage::BlobStore* store;
  converter::Converter* converter;
  std::vector<std::string> tables;
  meta::BatchId batch;

  storage::RawBlobWriter raw;
  std::int64_t raw_lines = 0;
  std::vector<storage::CsvBlobWriter> writers;
  std::vector<converter::CsvOutput> outputs;
  std::vector<Mark> marks;
  std::vector<Extra> extras;
  std::vector<Reject> rejects;
  std::string trailing;

  webclient::Entry entry;  // at hand
  Candidate candidate;
  Reject rejection;
};

Staging::Staging(storage::BlobStore& store, converter::Converter& converter, std::vector<std::string> tables,
                 meta::BatchId batch)
    : state_(new State{.store = &store,
                       .converter = &converter,
                       .tables = std::move(tables),
                       .batch = batch,
                       .raw = storage::RawBlobWriter(store)}) {
  for (std::size_t i = 0; i < state_->tables.size(); ++i) state_->writers.emplace_back(store);
  state_->outputs.resize(state_->tables.size());
  state_->marks.resize(state_->tables.size());
}

Staging::~Staging() = default;

const Staging::Candidate& Staging::convert(const webclient::Entry& entry) {
  auto& state = *state_;
  state.entry = entry;
  for (std::size_t i = 0; i < state.outputs.size(); ++i) {
    state.marks[i] = {state.outputs[i].bytes.size(), state.outputs[i].rows};
  }
  if (!entry.valid_utf8) {
    state.rejection = {"", "the resource is not valid UTF-8", {}};
    return state.candidate = {};
  }
  const auto position = state.raw.next_position();
  state.trailing.clear();
  fmt::format_to(std::back_inserter(state.trailing), ",{},{},{}", state.batch.value, position.frame, position.index);
  auto converted = state.converter->convert(entry.resource, state.trailing, state.outputs);
  if (!converted) {
    state.rejection = {std::move(converted.error().resource_id), std::move(converted.error().reason), {}};
    return state.candidate = {.convertible = false, .id = state.rejection.resource_id, .row = {}};
  }
  const auto row = std::string_view(state.outputs.front().bytes).substr(state.marks.front().bytes);
  return state.candidate = {.convertible = true, .id = state.converter->resource_id(), .row = row};
}

void Staging::keep() {
  auto& state = *state_;
  if (!state.candidate.convertible) {
    state.rejection.raw = state.entry.resource;
    state.rejects.push_back(std::move(state.rejection));
    return;
  }
  state.raw.add(state.entry.resource);
  ++state.raw_lines;
  for (std::size_t i = 0; i < state.outputs.size(); ++i) {
    auto& bytes = state.outputs[i].bytes;
    if (bytes.size() < kFlushBytes) continue;
    state.writers[i].write(bytes);
    bytes.clear();
  }
}

void Staging::discard() {
  auto& state = *state_;
  if (!state.candidate.convertible) return;
  for (std::size_t i = 0; i < state.outputs.size(); ++i) {
    state.outputs[i].bytes.resize(state.marks[i].bytes);
    state.outputs[i].rows = state.marks[i].rows;
  }
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
  for (std::size_t i = 0; i < state.tables.size(); ++i) finish_csv(state.writers[i], state.tables[i], state.outputs[i]);
  for (auto& extra : state.extras) finish_csv(extra.writer, extra.table, extra.output);
  if (state.raw_lines > 0) {
    const auto written = state.raw.finish();
    content.raw_frames = written.frames;
    content.raw = StagedTable{"raw", written.key, state.raw_lines, static_cast<std::int64_t>(written.bytes)};
  }
  return content;
}

}  // namespace wellhead::resource
