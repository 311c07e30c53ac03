#include "library/storage/postgres/source_circuit.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "library/webclient/source_metrics.h"

namespace wellhead::storage {
namespace {

using meta::Error;
using meta::ErrorCode;
using std::chrono::milliseconds;
using webclient::Permit;
using webclient::RequestOutcome;
using Health = RequestOutcome::Health;

// How often a process that waits for another one's probe looks at the row.
constexpr milliseconds kLookInterval{100};
// How often failures that do not open the circuit look whether another process has opened it.
constexpr milliseconds kFailureLookInterval{1'000};
constexpr int kMostDoublings = 20;

// $1 source, $2 milliseconds, $3 code, $4 reason, $5 milliseconds after which an open circuit is forgotten. Leaves a
// circuit alone that is open already.
constexpr std::string_view kOpen = R"sql(
INSERT INTO source_budget AS kept (source_url, second, taken, circuit_opened_at, circuit_retry_at, circuit_code,
                                   circuit_reason)
VALUES ($1, date_trunc('second', clock_timestamp()), 0, clock_timestamp(),
        clock_timestamp() + $2::bigint * interval '1 millisecond', $3, $4)
ON CONFLICT (source_url) DO UPDATE SET
  circuit_opened_at = excluded.circuit_opened_at, circuit_retry_at = excluded.circuit_retry_at,
  circuit_failed_probes = 0, circuit_code = excluded.circuit_code, circuit_reason = excluded.circuit_reason,
  circuit_probe_until = NULL
WHERE kept.circuit_opened_at IS NULL
   OR kept.circuit_retry_at < clock_timestamp() - $5::bigint * interval '1 millisecond')sql";

// $1 source, $2 milliseconds that the probe may take. A row: this process probes. Of several that ask at once the row
// lock lets one through; the others then read its circuit_probe_until.
constexpr std::string_view kProbe = R"sql(
UPDATE source_budget
SET circuit_probe = circuit_probe + 1,
    circuit_probe_until = clock_timestamp() + $2::bigint * interval '1 millisecond'
WHERE source_url = $1 AND circuit_opened_at IS NOT NULL AND circuit_retry_at <= clock_timestamp()
  AND (circuit_probe_until IS NULL OR circuit_probe_until <= clock_timestamp())
RETURNING circuit_probe)sql";

// $1 source, $2 milliseconds after which an open circuit is forgotten. No row: closed. Milliseconds until the period is
// over (0: it is), and what a message says.
constexpr std::string_view kLook = R"sql(
SELECT greatest(0, ceil(1000 * extract(epoch FROM circuit_retry_at - clock_timestamp())))::bigint,
       circuit_failed_probes, circuit_code, circuit_reason,
       to_char(circuit_opened_at, 'YYYY-MM-DD HH24:MI:SS'), to_char(circuit_retry_at, 'HH24:MI:SS')
FROM source_budget WHERE source_url = $1 AND circuit_opened_at IS NOT NULL
  AND circuit_retry_at >= clock_timestamp() - $2::bigint * interval '1 millisecond')sql";

// $1 source, $2 probe, $3 milliseconds, $4 code, $5 reason. A probe that was taken for lost changes nothing.
constexpr std::string_view kProbeFailed = R"sql(
UPDATE source_budget
SET circuit_retry_at = clock_timestamp() + $3::bigint * interval '1 millisecond',
    circuit_failed_probes = circuit_failed_probes + 1, circuit_code = $4, circuit_reason = $5,
    circuit_probe_until = NULL
WHERE source_url = $1 AND circuit_probe = $2::bigint AND circuit_opened_at IS NOT NULL)sql";

constexpr std::string_view kProbeUnknown = R"sql(
UPDATE source_budget SET circuit_probe_until = NULL WHERE source_url = $1 AND circuit_probe = $2::bigint)sql";

constexpr std::string_view kClose = R"sql(
UPDATE source_budget
SET circuit_opened_at = NULL, circuit_retry_at = NULL, circuit_failed_probes = 0, circuit_code = NULL,
    circuit_reason = NULL, circuit_probe_until = NULL
WHERE source_url = $1)sql";

}  // namespace

SourceCircuit::SourceCircuit(std::string database_url, std::string source_url, CircuitOptions options)
    : database_url_(std::move(database_url)), source_url_(std::move(source_url)), options_(options) {
  webclient::source_metrics().circuit_open.set({meta::redacted_url(source_url_)}, 0);
}

Permit SourceCircuit::pass(const std::stop_token& stop) {
  if (!open_.load()) return {};
  const auto start = Steady::now();
  while (true) {
    Steady::time_point next;
    {
      const std::lock_guard lock(mutex_);
      if (const auto permit = try_pass(start + options_.wait)) {
        webclient::source_metrics().waits.observe({"circuit"},
                                                  std::chrono::duration<double>(Steady::now() - start).count());
        return *permit;
      }
      next = next_look_;
    }
    if (!webclient::sleep_until(next, stop)) {
      throw Error(ErrorCode::cancelled, "stopped while waiting for the source, which keeps failing");
    }
  }
}

std::optional<Permit> SourceCircuit::try_pass(Steady::time_point give_up) {
  if (!open_) return Permit{};
  if (Steady::now() >= next_look_) {
    const auto probe = query(kProbe, {source_url_, options_.probe_time.count()});
    if (!probe.empty()) {
      next_look_ = Steady::now() + kLookInterval;
      return Permit{.probe = probe.integer(0, 0)};
    }
    look();
    if (!open_) return Permit{};
  }
  if (retry_at_ > give_up) throw open_error();
  return std::nullopt;
}

// The period may be over while somebody else probes: then it is worth looking again soon.
void SourceCircuit::look() {
  const auto row = query(kLook, {source_url_, forgotten_after()});
  const auto now = Steady::now();
  if (row.empty()) {
    if (open_) close("another process has found it well");
    next_look_ = now + kFailureLookInterval;
    return;
  }
  retry_at_ = now + milliseconds(row.integer(0, 0));
  next_look_ = std::max(retry_at_, now + kLookInterval);
  failed_probes_ = row.integer(0, 1);
  code_ = meta::error_code_from_string(row.text(0, 2)).value_or(ErrorCode::source_unreachable);
  reason_ = row.text(0, 3);
  since_ = row.text(0, 4);
  until_ = row.text(0, 5);
  open_ = true;
  webclient::source_metrics().circuit_open.set({meta::redacted_url(source_url_)}, 1);
}

void SourceCircuit::report(const Permit& permit, const RequestOutcome& outcome) noexcept {
  if (permit.probe == 0) {
    if (outcome.health == Health::well && failures_.load(std::memory_order_relaxed) != 0) failures_ = 0;
    if (outcome.health != Health::failing || options_.failures <= 0) return;
  }
  const std::lock_guard lock(mutex_);
  try {
    if (permit.probe != 0) {
      end_probe(permit.probe, outcome);
    } else {
      note_failure(outcome);
    }
  } catch (const std::exception& error) {
    // The request has its own error to tell. A probe that could not be ended is taken for lost after its time.
    database_again_ = Steady::now() + kFailureLookInterval;
    spdlog::debug("the circuit of {} could not be kept: {}", meta::redacted_url(source_url_), error.what());
  }
}

void SourceCircuit::note_failure(const RequestOutcome& outcome) {
  const int failures = ++failures_;
  if (open_ || Steady::now() < database_again_) return;  // open: sent before it opened
  if (failures >= options_.failures) {
    failed_probes_ = 0;
    next_look_ = Steady::now() + kFailureLookInterval;
    const auto opened =
        query(kOpen, {source_url_, next_period(), meta::to_string(outcome.code), outcome.reason, forgotten_after()})
            .affected_rows() == 1;
    look();
    if (!opened || !open_) return;
    webclient::source_metrics().circuit_openings.add();
    spdlog::warn("{}", open_error().message());
  } else if (Steady::now() >= next_look_) {
    next_look_ = Steady::now() + kFailureLookInterval;
    look();
  }
}

void SourceCircuit::end_probe(std::int64_t probe, const RequestOutcome& outcome) {
  switch (outcome.health) {
    case Health::well:
      query(kClose, {source_url_});
      close("it answers again");
      return;
    case Health::unknown:
      query(kProbeUnknown, {source_url_, probe});
      break;
    case Health::failing:
      ++failed_probes_;
      query(kProbeFailed, {source_url_, probe, next_period(), meta::to_string(outcome.code), outcome.reason});
      break;
  }
  look();
}

void SourceCircuit::close(std::string_view how) {
  spdlog::info("{} is asked again: {}", meta::redacted_url(source_url_), how);
  failures_ = 0;
  failed_probes_ = 0;
  open_ = false;
  webclient::source_metrics().circuit_open.set({meta::redacted_url(source_url_)}, 0);
  connection_.reset();
}

std::int64_t SourceCircuit::next_period() {
  const auto doublings = std::min<std::int64_t>(failed_probes_, kMostDoublings);
  const auto period = std::min(options_.max_period.count(), options_.first_period.count() << doublings);
  return std::uniform_int_distribution<std::int64_t>(period - period / 5, period)(random_);
}

// A circuit that nobody has tried to close for longer than that was left behind, by a process that ended.
std::int64_t SourceCircuit::forgotten_after() const { return (options_.max_period + options_.probe_time).count(); }

// Tries once more when the connection turns out to be broken: each of these statements may be repeated.
Result SourceCircuit::query(std::string_view sql, std::initializer_list<Value> parameters) {
  for (bool again = connection_.has_value();; again = false) {
    try {
      if (!connection_) {
        connection_.emplace(database_url_, ConnectionOptions{.application_name = "wellhead source circuit",
                                                             .connect_timeout_seconds = 5,
                                                             .statement_timeout_seconds = 10});
      }
      return connection_->query(sql, parameters);
    } catch (const Error&) {
      if (connection_ && connection_->usable()) throw;
      connection_.reset();
      if (!again) throw;
    }
  }
}

Error SourceCircuit::open_error() const {
  Error error(code_,
              fmt::format("{} keeps failing since {} UTC ({}) and is left alone until {}",
                          meta::redacted_url(source_url_), since_, reason_, until_),
              "Look after the source; it is tried again by itself");
  error.set_retry_after(std::max(std::chrono::ceil<milliseconds>(retry_at_ - Steady::now()), milliseconds(1)));
  return error;
}

}  // namespace wellhead::storage
