// The open executions of an owner, and the moments they wait for. Turns what happened into journal entries, and
// committed commands into work. Used by the workflow thread alone; does no I/O.
//
// A round is: begin / take / notice / ring as things happen; run_turns() gives every execution its jobs and returns
// what must be journaled; when that is durable, dispatch() starts the new steps.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "library/orchestration/embedded/inbox.h"
#include "library/orchestration/embedded/open_workflow.h"
#include "library/orchestration/journal.h"
#include "library/orchestration/observer.h"

namespace wellhead::orchestration::embedded {

class WorkflowTable {
 public:
  // observer may be null.
  WorkflowTable(const Registry& registry, std::int64_t lease_epoch, ActivityPool& pool, EngineObserver* observer);
  WorkflowTable(const WorkflowTable&) = delete;
  WorkflowTable& operator=(const WorkflowTable&) = delete;

  // A queued execution: its first turn comes with the next run_turns().
  void begin(const WorkflowRecord& record);
  // One that has a history: of an earlier owner, or queued to be retried. Replays it, goes on with its open steps.
  void recover(const WorkflowRecord& record, std::span<const Event> history);
  // One whose history cannot be read.
  void block(const WorkflowRecord& record, const Failure& failure);

  // What activities and other threads of this process told; queries are answered at once.
  void take(Inbox::Contents& contents);
  // Of activities that ended because the engine stops, what they finished or reached is kept.
  void take_stopping(Inbox::Contents& contents);
  // What other processes want; answers to their queries are returned.
  std::vector<std::pair<std::int64_t, QueryAnswer>> notice(const Notices& notices);
  // Of the children with these outcomes, tells the parents that wait for them.
  void notice_child(const WorkflowRecord& child);
  void notice_started(const StartedChild& child);
  // Steps that wait for a child, by execution.
  std::vector<std::string> waiting_for_children() const;
  // Timers, retries and limits that are due.
  void ring(meta::Time now);
  std::optional<meta::Time> next_alarm() const;

  std::vector<JournalEntry> run_turns(meta::Time now);
  // Starts what the turns commanded. Forgets, and returns, the executions that have ended or are blocked.
  std::vector<std::string> dispatch();

  bool knows(const std::string& execution_id) const { return executions_.contains(execution_id); }
  bool empty() const { return executions_.empty(); }
  // Without children, which begin even if the table is full: their parents wait for them.
  std::size_t roots() const;

 private:
  OpenWorkflow* find(const std::string& execution_id);
  OpenWorkflow& add(const WorkflowRecord& record);
  static QueryAnswer answer(OpenWorkflow& open, const std::string& name);
  void tell_parent(const OpenWorkflow& child);

  Surroundings surroundings_;
  EngineObserver* const observer_;
  std::map<std::string, OpenWorkflow> executions_;
  std::multimap<meta::Time, Alarm> alarms_;
};

}  // namespace wellhead::orchestration::embedded
