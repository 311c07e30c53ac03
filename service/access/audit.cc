#include "service/access/audit.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <stop_token>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "library/meta/clock.h"
#include "library/meta/error.h"
#include "library/storage/postgres/connection.h"

namespace wellhead::access {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::string_view kCopy =
    "COPY audit (actor, client, action, patient_id, at, until, times, request_id) FROM STDIN";
constexpr std::string_view kLocal = "local";
constexpr std::string_view kSpillSuffix = ".audit";
constexpr std::chrono::milliseconds kPauseBetweenTries{200};

struct Reads {
  meta::Time first{}, last{};
  std::int64_t times = 0;
  std::string request_id;             // the first's
  std::size_t latest_request_id = 0;  // its hash: an answer counts once, however often it names the patient
};

// By the first four columns as they go into COPY.
using Entries = std::unordered_map<std::string, Reads>;

// PostgreSQL, "COPY", "Text Format".
void append_field(std::string_view text, std::string& out) {
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        out.push_back(c);
    }
  }
}

void add(Entries& entries, std::string key, Reads reads) {
  const auto [at, is_new] = entries.try_emplace(std::move(key), reads);
  if (is_new) return;
  at->second.first = std::min(at->second.first, reads.first);
  at->second.last = std::max(at->second.last, reads.last);
  at->second.times += reads.times;
}

std::string copy_text(const Entries& entries) {
  std::string text;
  text.reserve(entries.size() * 160);
  for (const auto& [key, reads] : entries) {
    text.append(key);
    fmt::format_to(std::back_inserter(text), "\t{}\t{}\t{}\t", meta::to_rfc3339(reads.first),
                   meta::to_rfc3339(reads.last), reads.times);
    append_field(reads.request_id, text);
    text.push_back('\n');
  }
  return text;
}

}  // namespace

struct AuditTrail::State {
  // One a worker, so that they do not wait for each other.
  struct Shard {
    std::mutex mutex;
    Entries entries;
  };

  explicit State(AuditOptions given) : options(std::move(given)), shards(options.workers) {}

  void run(const std::stop_token& stop);
  void collect();
  bool write();
  void write_copy(std::string_view text);
  void take_spilled();
  void spill();

  AuditOptions options;
  std::vector<Shard> shards;
  std::atomic<std::size_t> noted = 0;    // in the shards
  std::atomic<std::size_t> waiting = 0;  // collected
  // Of the writing thread; of stop() once that has ended.
  Entries collected;
  std::unique_ptr<storage::Connection> connection;
  bool reported = false;
  bool spilled_taken = false;
  bool running = false;
  std::jthread thread;
};

void AuditTrail::State::run(const std::stop_token& stop) {
  std::mutex idle;
  std::condition_variable_any wake;
  std::unique_lock lock(idle);
  while (!wake.wait_for(lock, stop, options.interval, [&] { return stop.stop_requested(); })) {
    collect();
    write();
  }
}

void AuditTrail::State::collect() {
  for (Shard& shard : shards) {
    Entries taken;
    {
      const std::scoped_lock lock(shard.mutex);
      taken.swap(shard.entries);
      noted.fetch_sub(taken.size());
    }
    if (collected.empty()) {
      collected.swap(taken);
    } else {
      for (auto& [key, reads] : taken) add(collected, key, std::move(reads));
    }
  }
  waiting.store(collected.size());
}

void AuditTrail::State::write_copy(std::string_view text) {
  if (!connection || !connection->usable()) {
    connection = std::make_unique<storage::Connection>(
        options.database_url,
        storage::ConnectionOptions{
            .application_name = "wellhead audit", .connect_timeout_seconds = 5, .statement_timeout_seconds = 60});
  }
  connection->begin_copy(kCopy);
  connection->write_copy(text);
  connection->end_copy();
}

// false: it was not written, and is kept.
bool AuditTrail::State::write() {
  try {
    take_spilled();
    if (collected.empty()) return true;
    write_copy(copy_text(collected));
    collected.clear();
    waiting.store(0);
    if (std::exchange(reported, false)) spdlog::info("the audit trail is written again");
    return true;
  } catch (const meta::Error& error) {
    connection.reset();
    if (!std::exchange(reported, true)) {
      spdlog::error("the audit trail cannot be written, and is kept in memory until it can: {}", error.message());
    }
    return false;
  }
}

// --- files -----------------------------------------------------------------------------------------------------------

// A file that was written and not removed is written again: twice is better than never.
void AuditTrail::State::take_spilled() {
  if (spilled_taken || options.spill.empty()) return;
  std::error_code none;
  if (!std::filesystem::is_directory(options.spill, none)) return;
  for (const auto& entry : std::filesystem::directory_iterator(options.spill)) {
    if (entry.path().extension() != kSpillSuffix) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (!in.is_open() || in.bad()) continue;
    write_copy(text);
    std::filesystem::remove(entry.path());
    spdlog::info("audit entries of an earlier process are written now");
  }
  spilled_taken = true;
}

void AuditTrail::State::spill() {
  if (options.spill.empty()) {
    spdlog::error("{} entries of the audit trail are lost: the database did not take them", collected.size());
    return;
  }
  std::error_code ignored;
  std::filesystem::create_directories(options.spill, ignored);
  const auto name =
      fmt::format("{}-{}{}", meta::SystemClock().now().time_since_epoch().count(), ::getpid(), kSpillSuffix);
  const auto hidden = options.spill / (name + ".new");
  std::ofstream out(hidden, std::ios::binary);
  std::filesystem::permissions(hidden, std::filesystem::perms(0600), ignored);
  out << copy_text(collected);
  out.close();
  if (!out) {
    spdlog::error("{} entries of the audit trail are lost: neither the database nor {} took them", collected.size(),
                  options.spill.string());
    return;
  }
  std::filesystem::rename(hidden, options.spill / name);
  spdlog::warn("{} entries of the audit trail wait in {} for the next start", collected.size(), options.spill.string());
  collected.clear();
}

// --- the interface ---------------------------------------------------------------------------------------------------

AuditTrail::AuditTrail(AuditOptions options) : state_(std::make_unique<State>(std::move(options))) {}

AuditTrail::~AuditTrail() { stop(); }

void AuditTrail::start() {
  state_->running = true;
  state_->thread = std::jthread([state = state_.get()](const std::stop_token& stop) { state->run(stop); });
}

bool AuditTrail::note(const webserver::Disclosure& disclosure) {
  if (state_->noted.load() + state_->waiting.load() + disclosure.patients.size() > state_->options.most) return false;
  const auto now = meta::SystemClock().now();
  const auto request = std::hash<std::string_view>()(disclosure.request_id);
  std::string key;
  append_field(disclosure.principal ? std::string_view(disclosure.principal->id) : kLocal, key);
  key.push_back('\t');
  append_field(disclosure.client, key);
  key.push_back('\t');
  append_field(disclosure.operation, key);
  key.push_back('\t');
  const std::size_t start = key.size();
  std::size_t added = 0;
  State::Shard& shard = state_->shards.at(disclosure.worker);
  const std::scoped_lock lock(shard.mutex);
  for (const std::string& patient : disclosure.patients) {
    key.resize(start);
    append_field(patient, key);
    const auto [at, is_new] = shard.entries.try_emplace(key);
    auto& reads = at->second;
    if (is_new) {
      reads.first = now;
      reads.request_id = disclosure.request_id;
      ++added;
    } else if (reads.latest_request_id == request) {
      continue;
    }
    reads.last = now;
    ++reads.times;
    reads.latest_request_id = request;
  }
  state_->noted.fetch_add(added);
  return true;
}

void AuditTrail::stop() {
  if (!std::exchange(state_->running, false)) return;
  state_->thread.request_stop();
  state_->thread.join();
  const auto until = Steady::now() + state_->options.stop_patience;
  state_->collect();
  while (!state_->write() && Steady::now() < until) std::this_thread::sleep_for(kPauseBetweenTries);
  if (!state_->collected.empty()) state_->spill();
  state_->connection.reset();
}

}  // namespace wellhead::access
