#include "service/zipcode/run_trace.h"

#include <cstddef>

#include "library/meta/error.h"
#include "library/meta/logging.h"

namespace wellhead::zipcode {
namespace {

constexpr std::size_t kKnownTraces = 1000;

}  // namespace

void RunTraces::keep(meta::RunId run) {
  const auto trace = meta::current_trace().value_or(meta::TraceContext::make());
  database_.borrow()->query(
      "UPDATE run SET options = options || jsonb_build_object('traceparent', $2::text) WHERE run_id = $1",
      {run.value, trace.header()});
}

std::optional<meta::TraceContext> RunTraces::of(meta::RunId run) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = known_.find(run); found != known_.end()) return found->second;
  }
  try {
    const auto rows =
        database_.borrow()->query("SELECT options->>'traceparent' FROM run WHERE run_id = $1", {run.value});
    if (rows.empty() || rows.is_null(0, 0)) return std::nullopt;
    auto trace = meta::TraceContext::parse(rows.text(0, 0));
    if (!trace) return std::nullopt;
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kKnownTraces) known_.erase(known_.begin());
    known_.emplace(run, *trace);
    return trace;
  } catch (const meta::Error&) {
    return std::nullopt;  // the step itself will tell
  }
}

}  // namespace wellhead::zipcode
