#include "library/orchestration/temporal/schedules.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "library/orchestration/temporal/messages.h"

namespace wellhead::orchestration::temporal_engine {
namespace {

namespace service = api::workflowservice::v1;
using std::chrono::milliseconds;

constexpr int kLooks = 5;  // of looking at a schedule
constexpr const char* kMemo = "wellhead-schedule";
constexpr milliseconds kDefaultCatchupWindow{600'000};
constexpr milliseconds kShortestCatchupWindow{10'000};

// What Temporal does not keep as it was given.
struct ScheduleMemo {
  std::optional<milliseconds> every;
  std::string cron;
  std::optional<milliseconds> catchup_window;
  static constexpr auto kFields =
      meta::fields(meta::field("every", &ScheduleMemo::every), meta::field("cron", &ScheduleMemo::cron),
                   meta::field("catchup_window", &ScheduleMemo::catchup_window));
};

api::enums::v1::ScheduleOverlapPolicy to_temporal(OverlapPolicy policy) {
  switch (policy) {
    case OverlapPolicy::buffer_one:
      return api::enums::v1::SCHEDULE_OVERLAP_POLICY_BUFFER_ONE;
    case OverlapPolicy::cancel_other:
      return api::enums::v1::SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER;
    case OverlapPolicy::allow_all:
      return api::enums::v1::SCHEDULE_OVERLAP_POLICY_ALLOW_ALL;
    default:
      return api::enums::v1::SCHEDULE_OVERLAP_POLICY_SKIP;
  }
}

OverlapPolicy from_temporal(api::enums::v1::ScheduleOverlapPolicy policy) {
  switch (policy) {
    case api::enums::v1::SCHEDULE_OVERLAP_POLICY_BUFFER_ONE:
      return OverlapPolicy::buffer_one;
    case api::enums::v1::SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER:
      return OverlapPolicy::cancel_other;
    case api::enums::v1::SCHEDULE_OVERLAP_POLICY_ALLOW_ALL:
      return OverlapPolicy::allow_all;
    default:
      return OverlapPolicy::skip;
  }
}

WorkflowState state_of(api::enums::v1::WorkflowExecutionStatus status) {
  switch (status) {
    case api::enums::v1::WORKFLOW_EXECUTION_STATUS_COMPLETED:
      return WorkflowState::completed;
    case api::enums::v1::WORKFLOW_EXECUTION_STATUS_CANCELED:
      return WorkflowState::cancelled;
    case api::enums::v1::WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
      return WorkflowState::continued;
    case api::enums::v1::WORKFLOW_EXECUTION_STATUS_FAILED:
    case api::enums::v1::WORKFLOW_EXECUTION_STATUS_TERMINATED:
    case api::enums::v1::WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
      return WorkflowState::failed;
    default:
      return WorkflowState::running;
  }
}

api::schedule::v1::Schedule to_temporal(const Schedule& schedule, const std::string& task_queue) {
  api::schedule::v1::Schedule to;
  if (schedule.spec.every) {
    set_duration(*to.mutable_spec()->add_interval()->mutable_interval(), *schedule.spec.every);
  } else {
    to.mutable_spec()->add_cron_string(schedule.spec.cron);
  }
  auto& start = *to.mutable_action()->mutable_start_workflow();
  start.set_workflow_id(schedule.id);
  start.mutable_workflow_type()->set_name(schedule.action.workflow_type);
  start.mutable_task_queue()->set_name(task_queue);
  add_payload(*start.mutable_input(), schedule.action.input);
  start.mutable_priority()->set_priority_key(schedule.action.priority);
  to.mutable_policies()->set_overlap_policy(to_temporal(schedule.overlap));
  set_duration(*to.mutable_policies()->mutable_catchup_window(),
               std::max(schedule.catchup_window.value_or(kDefaultCatchupWindow), kShortestCatchupWindow));
  to.mutable_state()->set_paused(schedule.paused);
  to.mutable_state()->set_notes(schedule.note);
  return to;
}

[[noreturn]] void throw_no_schedule(const std::string& schedule_id) {
  throw meta::Error(meta::ErrorCode::not_found, fmt::format("there is no schedule {}", schedule_id));
}

}  // namespace

void Schedules::create(const Schedule& schedule) {
  require_valid(schedule);
  if (schedule.spec.every && *schedule.spec.every < milliseconds(1000)) {
    throw meta::Error(meta::ErrorCode::invalid_input, "Temporal's schedules count in seconds", "Use 1s or more");
  }
  service::CreateScheduleRequest request;
  request.set_namespace_(client_.name_space());
  request.set_identity(client_.identity());
  request.set_request_id(
      fmt::format("{} {}", client_.identity(), meta::SystemClock().now().time_since_epoch().count()));
  request.set_schedule_id(schedule.id);
  *request.mutable_schedule() = to_temporal(schedule, executions_.task_queue());
  set_payload((*request.mutable_memo()->mutable_fields())[kMemo],
              meta::to_json(ScheduleMemo{schedule.spec.every, schedule.spec.cron, schedule.catchup_window}));
  try {
    client_.call<service::CreateScheduleResponse>("CreateSchedule", request);
  } catch (const RpcError& error) {
    if (error.status() != kAlreadyExists) throw;
    throw meta::Error(meta::ErrorCode::conflict, fmt::format("there is a schedule {} already", schedule.id));
  }
  const std::lock_guard lock(mutex_);
  created_.insert(schedule.id);
}

std::optional<Schedules::Described> Schedules::look(const std::string& schedule_id) {
  service::DescribeScheduleRequest request;
  request.set_namespace_(client_.name_space());
  request.set_schedule_id(schedule_id);
  // The server asks a workflow of its own, which takes a while to answer after the server was started again.
  for (int attempt = 1;; ++attempt) {
    try {
      return client_.call<Described>("DescribeSchedule", request);
    } catch (const RpcError& error) {
      if (error.status() == kNotFound) return std::nullopt;
      if (error.code() != meta::ErrorCode::engine_unreachable || attempt == kLooks) throw;
    }
  }
}

Schedules::Described Schedules::require(const std::string& schedule_id) {
  auto described = look(schedule_id);
  if (!described) throw_no_schedule(schedule_id);
  return *std::move(described);
}

void Schedules::remove(const std::string& schedule_id) {
  require(schedule_id);
  service::DeleteScheduleRequest request;
  request.set_namespace_(client_.name_space());
  request.set_identity(client_.identity());
  request.set_schedule_id(schedule_id);
  client_.call<service::DeleteScheduleResponse>("DeleteSchedule", request);
  const std::lock_guard lock(mutex_);
  created_.erase(schedule_id);
}

void Schedules::set_paused(const std::string& schedule_id, bool paused, const std::string& note) {
  const auto described = require(schedule_id);
  service::UpdateScheduleRequest request;
  request.set_namespace_(client_.name_space());
  request.set_identity(client_.identity());
  request.set_schedule_id(schedule_id);
  request.set_request_id(
      fmt::format("{} {}", client_.identity(), meta::SystemClock().now().time_since_epoch().count()));
  request.set_conflict_token(described.conflict_token());
  *request.mutable_schedule() = described.schedule();
  auto& state = *request.mutable_schedule()->mutable_state();
  state.set_paused(paused);
  if (!note.empty()) state.set_notes(note);
  client_.call<service::UpdateScheduleResponse>("UpdateSchedule", request);
}

void Schedules::trigger(const std::string& schedule_id) {
  require(schedule_id);
  service::PatchScheduleRequest request;
  request.set_namespace_(client_.name_space());
  request.set_identity(client_.identity());
  request.set_schedule_id(schedule_id);
  request.set_request_id(
      fmt::format("{} {}", client_.identity(), meta::SystemClock().now().time_since_epoch().count()));
  request.mutable_patch()->mutable_trigger_immediately();
  client_.call<service::PatchScheduleResponse>("PatchSchedule", request);
}

std::optional<ScheduleDescription> Schedules::describe(const std::string& schedule_id) {
  const auto described = look(schedule_id);
  if (!described) return std::nullopt;
  return description_of(schedule_id, *described);
}

ScheduleDescription Schedules::description_of(const std::string& schedule_id, const Described& described) {
  const auto& action = described.schedule().action().start_workflow();
  const auto& info = described.info();
  ScheduleMemo memo;
  const auto kept = described.memo().fields().find(kMemo);
  if (kept != described.memo().fields().end()) memo = meta::from_json<ScheduleMemo>(payload_of(kept->second));
  ScheduleDescription told;
  told.schedule = {.id = schedule_id,
                   .spec = {memo.every, memo.cron},
                   .action = {.workflow_type = action.workflow_type().name(),
                              .input = first_payload(action.input()),
                              .priority = action.priority().priority_key() == 0 ? kNormalPriority
                                                                                : action.priority().priority_key()},
                   .overlap = from_temporal(described.schedule().policies().overlap_policy()),
                   .catchup_window = memo.catchup_window,
                   .paused = described.schedule().state().paused(),
                   .note = described.schedule().state().notes()};
  told.created_at = time_of(info.create_time());
  told.actions = info.action_count();
  told.skipped_overlap = info.overlap_skipped() + info.buffer_dropped();
  told.missed_catchup = info.missed_catchup_window();
  told.recent = actions_of(described);
  if (!told.schedule.paused && !info.future_action_times().empty()) told.next_at = time_of(info.future_action_times(0));
  // Temporal tells that one waits, not which: with buffer_one the first time after the one that runs.
  if (info.buffer_size() > 0 && !told.recent.empty()) {
    told.buffered_at = ScheduleTimes(told.schedule.spec).next_after(told.recent.back().scheduled_at);
  }
  return told;
}

std::vector<StartedAction> Schedules::actions_of(const Described& described) {
  std::vector<StartedAction> actions;
  const auto& running = described.info().running_workflows();
  for (const auto& recent : described.info().recent_actions()) {
    const auto& started = recent.start_workflow_result();
    StartedAction action{.scheduled_at = time_of(recent.schedule_time()),
                         .started_at = time_of(recent.actual_time()),
                         .workflow_id = started.workflow_id(),
                         .execution_id = execution_id_of(started.workflow_id(), started.run_id()),
                         .state = WorkflowState::running};
    const auto seen = executions_.look(action.execution_id);
    if (seen) action.state = state_of(seen->workflow_execution_info().status());
    actions.push_back(std::move(action));
  }
  for (const auto& open : running) {
    const auto id = execution_id_of(open.workflow_id(), open.run_id());
    if (std::ranges::find(actions, id, &StartedAction::execution_id) != actions.end()) continue;
    const auto seen = executions_.look(id);
    if (!seen) continue;
    const auto started = time_of(seen->workflow_execution_info().start_time());
    actions.push_back({.scheduled_at = std::chrono::floor<std::chrono::seconds>(started),
                       .started_at = started,
                       .workflow_id = open.workflow_id(),
                       .execution_id = id,
                       .state = state_of(seen->workflow_execution_info().status())});
  }
  std::ranges::sort(actions, {}, &StartedAction::scheduled_at);
  return actions;
}

std::vector<ScheduleDescription> Schedules::list() {
  std::set<std::string> ids;
  {
    const std::lock_guard lock(mutex_);
    ids = created_;
  }
  service::ListSchedulesRequest request;
  request.set_namespace_(client_.name_space());
  request.set_maximum_page_size(100);
  do {
    const auto page = client_.call<service::ListSchedulesResponse>("ListSchedules", request);
    for (const auto& entry : page.schedules()) ids.insert(entry.schedule_id());
    request.set_next_page_token(page.next_page_token());
  } while (!request.next_page_token().empty());
  std::vector<ScheduleDescription> list;
  for (const auto& id : ids) {
    if (auto described = describe(id)) list.push_back(*std::move(described));
  }
  return list;
}

}  // namespace wellhead::orchestration::temporal_engine
