#include "library/orchestration/temporal/temporal_engine.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <temporal/api/workflowservice/v1/request_response.pb.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <type_traits>
#include <utility>

#include "library/orchestration/replay.h"
#include "library/orchestration/temporal/executions.h"
#include "library/orchestration/temporal/messages.h"
#include "library/orchestration/temporal/patience.h"
#include "library/orchestration/temporal/schedules.h"
#include "library/orchestration/temporal/workers.h"

namespace wellhead::orchestration::temporal_engine {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

// Between looks at an execution that somebody waits for. Where this process runs workflows it mostly ends here, and
// what ends here is looked at at once.
constexpr milliseconds kFirstLook{20};
constexpr milliseconds kLongestLook{500};
// Executions begun by this process that it does not know to have changed since.
constexpr std::size_t kMostBegun = 10'000;
constexpr milliseconds kProbe{2000};  // for the server to say that it is there

}  // namespace

class TemporalEngine::State {
 public:
  State(const Registry& registry, TemporalEngineOptions options)
      : options_(std::move(options)),
        registry_(registry),
        runtime_(options_.metrics_listen),
        client_(when_reachable(options_.keep_trying, [this] { return Client(runtime_, options_.connection); })),
        executions_(client_, registry, options_.task_queue, options_.workflow_task_timeout),
        schedules_(executions_) {}

  void begin() {
    if (workers_) return;
    workers_ = std::make_unique<Workers>(executions_, registry_, options_,
                                         [this](const std::string& run_id) { change(run_id); });
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(stopped_, true)) return;
      changed_.notify_all();
    }
    if (workers_) workers_->stop();
  }

  std::string look_for_problem() {
    api::workflowservice::v1::DescribeNamespaceRequest request;
    request.set_namespace_(client_.name_space());
    try {
      client_.call<api::workflowservice::v1::DescribeNamespaceResponse>("DescribeNamespace", request, kProbe);
      return {};
    } catch (const meta::Error& error) {
      return error.message();
    }
  }

  Executions& executions() { return executions_; }
  Schedules& schedules() { return schedules_; }

  Execution start(const std::string& workflow_type, const std::string& workflow_id, const Payload& input,
                  const StartOptions& options) {
    auto execution = executions_.start(workflow_type, workflow_id, input, options);
    if (runs_workflows() && !execution.joined) {
      const std::lock_guard lock(mutex_);
      if (begun_.size() >= kMostBegun) begun_.clear();
      begun_.insert(parse_execution_id(execution.execution_id)->run_id);
    }
    return execution;
  }

  std::optional<WorkflowDescription> describe(const std::string& execution_id) {
    const auto seen = executions_.look(execution_id);
    if (!seen) return std::nullopt;
    return describe(execution_id, *seen);
  }

  WorkflowDescription wait(const std::string& execution_id, const std::stop_token& stop) {
    const std::stop_callback wake(stop, [this] { wake_all(); });
    std::string current = execution_id;
    auto pause = runs_workflows() ? kLongestLook : kFirstLook;
    for (;;) {
      const Watch watch(*this, current);
      if (is_new_here(current)) {
        if (!sleep(pause, watch, stop)) return throw_stopped(current);
        auto ended = how_it_ended(current, watch);
        if (ended) return *std::move(ended);
        continue;
      }
      const auto seen = patiently([&] { return executions_.look(current); });
      if (!seen) {
        throw meta::Error(meta::ErrorCode::not_found,
                          fmt::format("there is no execution {} on Temporal", execution_id));
      }
      using namespace api::enums::v1;  // NOLINT: the names are long enough
      const auto status = seen->workflow_execution_info().status();
      if (status == WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW) {
        current = executions_.successor(current);
        continue;
      }
      if (status != WORKFLOW_EXECUTION_STATUS_RUNNING && status != WORKFLOW_EXECUTION_STATUS_PAUSED) {
        return describe(current, *seen);
      }
      if (const auto failure = why_not_going_on(current, *seen)) throw to_error(*failure);
      if (!sleep(pause, watch, stop)) return throw_stopped(current);
      pause = std::min(2 * pause, kLongestLook);
    }
  }

 private:
  // Whether an execution has changed since.
  class Watch {
   public:
    Watch(State& state, const std::string& execution_id) : state_(state) {
      const auto name = parse_execution_id(execution_id);
      const std::lock_guard lock(state_.mutex_);
      place_ = state_.watches_.emplace(name ? name->run_id : std::string(), false);
    }
    ~Watch() {
      const std::lock_guard lock(state_.mutex_);
      state_.watches_.erase(place_);
    }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    // Under the mutex.
    bool changed() const { return place_->second; }

   private:
    State& state_;
    std::multimap<std::string, bool>::iterator place_;
  };

  WorkflowDescription describe(const std::string& execution_id, const Executions::Description& seen) {
    auto told = executions_.describe(execution_id, seen);
    // What an earlier program could not do, this one may.
    if (runs_workflows()) told.blocked = blocked(execution_id);
    if (is_end(told.state)) told.blocked.reset();
    return told;
  }

  bool runs_workflows() const { return workers_ && workers_->runs_workflows(); }

  // There is nothing to be seen of it yet. Says so once only.
  bool is_new_here(const std::string& execution_id) {
    const auto name = parse_execution_id(execution_id);
    const std::lock_guard lock(mutex_);
    return name && begun_.erase(name->run_id) > 0;
  }

  // By its history alone: of an execution without open steps there is nothing else to tell. nullopt: look.
  std::optional<WorkflowDescription> how_it_ended(const std::string& execution_id, const Watch& watch) {
    if (!has_changed(watch)) return std::nullopt;
    const auto known = patiently([&] { return executions_.history(execution_id); });
    const bool ended = is_end(known.record.state) && known.record.state != WorkflowState::continued;
    return ended ? std::optional(describe_history(known.record, known.events)) : std::nullopt;
  }

  // With a server that is away.
  template <class Call>
  std::invoke_result_t<Call> patiently(Call call) {
    const auto until = SteadyClock::now() + options_.patience;
    for (;;) {
      try {
        return call();
      } catch (const RpcError& error) {
        if (error.code() != meta::ErrorCode::engine_unreachable || SteadyClock::now() > until) throw;
        spdlog::warn("{}; trying again", error.message());
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, kLongestLook, [this] { return stopped_; });
        if (stopped_) throw;
      }
    }
  }

  std::optional<Failure> blocked(const std::string& execution_id) {
    return workers_->blocked(parse_execution_id(execution_id)->run_id);
  }

  std::optional<Failure> why_not_going_on(const std::string& execution_id, const Executions::Description& seen) {
    if (runs_workflows()) return blocked(execution_id);
    if (seen.pending_workflow_task().attempt() <= 1) return std::nullopt;
    return executions_.history(execution_id).record.blocked;
  }

  void change(const std::string& run_id) {
    const std::lock_guard lock(mutex_);
    const auto [begin, end] = watches_.equal_range(run_id);
    for (auto watch = begin; watch != end; ++watch) watch->second = true;
    begun_.erase(run_id);
    if (begin != end) changed_.notify_all();
  }
  bool has_changed(const Watch& watch) {
    const std::lock_guard lock(mutex_);
    return watch.changed();
  }
  void wake_all() {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  }
  // False: give up.
  bool sleep(milliseconds duration, const Watch& watch, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, duration, [&] { return stopped_ || stop.stop_requested() || watch.changed(); });
    return !stopped_ && !stop.stop_requested();
  }
  [[noreturn]] static WorkflowDescription throw_stopped(const std::string& execution_id) {
    throw meta::Error(meta::ErrorCode::cancelled, fmt::format("nobody waits for {} any more", execution_id));
  }

  const TemporalEngineOptions options_;
  const Registry& registry_;
  Runtime runtime_;
  Client client_;
  Executions executions_;
  Schedules schedules_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<std::string, bool> watches_;  // by run id: it has changed
  std::set<std::string> begun_;               // run ids, up to kMostBegun
  bool stopped_ = false;
  std::unique_ptr<Workers> workers_;
};

TemporalEngine::TemporalEngine(const Registry& registry, TemporalEngineOptions options)
    : state_(std::make_unique<State>(registry, std::move(options))) {}

TemporalEngine::~TemporalEngine() { stop(); }

std::string TemporalEngine::look_for_problem() { return state_->look_for_problem(); }

std::vector<std::string> TemporalEngine::unserved_queues(const std::vector<std::string>& queues) {
  return state_->executions().unserved_queues(queues);
}

void TemporalEngine::begin() { state_->begin(); }

Execution TemporalEngine::start_workflow(const std::string& workflow_type, const std::string& workflow_id,
                                         Payload input, StartOptions options) {
  return state_->start(workflow_type, workflow_id, input, options);
}

WorkflowDescription TemporalEngine::wait(const std::string& execution_id, std::stop_token stop) {
  return state_->wait(execution_id, stop);
}

std::optional<WorkflowDescription> TemporalEngine::describe(const std::string& execution_id) {
  return state_->describe(execution_id);
}

std::optional<std::string> TemporalEngine::latest_execution(const std::string& workflow_id) {
  return state_->executions().latest(workflow_id);
}

void TemporalEngine::cancel(const std::string& execution_id) { state_->executions().cancel(execution_id); }

void TemporalEngine::pause(const std::string& execution_id) { state_->executions().set_paused(execution_id, true); }

void TemporalEngine::resume(const std::string& execution_id) { state_->executions().set_paused(execution_id, false); }

void TemporalEngine::signal_workflow(const std::string& execution_id, const std::string& name, Payload payload) {
  state_->executions().signal(execution_id, name, payload);
}

Payload TemporalEngine::query_workflow(const std::string& execution_id, const std::string& name) {
  return state_->executions().query(execution_id, name);
}

Execution TemporalEngine::retry(const std::string& execution_id) { return state_->executions().retry(execution_id); }

void TemporalEngine::create_schedule(const Schedule& schedule) { state_->schedules().create(schedule); }

void TemporalEngine::delete_schedule(const std::string& schedule_id) { state_->schedules().remove(schedule_id); }

void TemporalEngine::pause_schedule(const std::string& schedule_id, const std::string& note) {
  state_->schedules().set_paused(schedule_id, true, note);
}

void TemporalEngine::unpause_schedule(const std::string& schedule_id, const std::string& note) {
  state_->schedules().set_paused(schedule_id, false, note);
}

void TemporalEngine::trigger_schedule(const std::string& schedule_id) { state_->schedules().trigger(schedule_id); }

std::optional<ScheduleDescription> TemporalEngine::describe_schedule(const std::string& schedule_id) {
  return state_->schedules().describe(schedule_id);
}

std::vector<ScheduleDescription> TemporalEngine::list_schedules() { return state_->schedules().list(); }

// Nothing keeps it for good: core goes on trying.
void TemporalEngine::throw_if_failed() const {}

void TemporalEngine::stop() { state_->stop(); }

}  // namespace wellhead::orchestration::temporal_engine
