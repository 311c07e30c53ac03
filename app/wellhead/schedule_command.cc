// wellhead schedule: loads that begin by themselves, again and again.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <memory>
#include <ranges>
#include <utility>

#include "app/wellhead/command.h"
#include "app/wellhead/composition.h"
#include "app/wellhead/stop_signals.h"
#include "app/wellhead/table.h"
#include "library/meta/describe.h"
#include "library/orchestration/schedule.h"
#include "service/zipcode/runs.h"
#include "service/zipcode/scheduled_load.h"

namespace wellhead::app {
namespace {

using orchestration::Schedule;
using orchestration::ScheduleDescription;
using std::chrono::milliseconds;

constexpr std::string_view kScheduleExamples =
    "  wellhead schedule add 02139 --every 1h              load it every hour, on the hour\n"
    "  wellhead schedule add 02139 --cron '0 3 * * *'      at 03:00 UTC every day\n"
    "  wellhead schedule list                              next and last times, and how the last load ended\n"
    "  wellhead schedule pause 02139                       until `wellhead schedule resume 02139`\n"
    "`wellhead up` and `wellhead worker` run the schedules of their database.";
constexpr std::string_view kAddExamples =
    "  wellhead schedule add 02139 --every 1h\n"
    "  wellhead schedule add 02139 02140 --cron '30 2 * * mon-fri' --overlap buffer_one\n"
    "  wellhead schedule add 02139 --cron @daily --catch-up 2h --name nightly\n"
    "An interval's times are its multiples since 1970: 15m is at :00, :15, :30, :45. A cron line has the five fields\n"
    "minute, hour, day of month, month, day of week, or is @hourly, @daily, @weekly, @monthly, @yearly. Times are UTC.";
constexpr std::string_view kScheduleListExamples = "  wellhead schedule list --json";

// What is shown of a schedule.
struct ShownSchedule {
  std::string schedule;
  std::string zipcode;
  std::optional<double> every_seconds;
  std::optional<std::string> cron;
  std::string overlap;
  std::optional<double> catch_up_seconds;
  bool paused = false;
  std::string note;
  std::optional<std::string> next_at;
  std::optional<std::string> last_at;
  std::optional<std::int64_t> last_run;
  std::optional<std::string> last_state;  // of the run; of the workflow that asks for it, if there is none
  std::optional<std::string> last_error;
  std::int64_t started = 0;
  std::int64_t skipped = 0;  // because the load before was still under way
  std::int64_t missed = 0;   // because nobody ran the schedule, for longer than is made up for

  static constexpr auto kFields = meta::fields(
      meta::field("schedule", &ShownSchedule::schedule), meta::field("zipcode", &ShownSchedule::zipcode),
      meta::field("every_seconds", &ShownSchedule::every_seconds), meta::field("cron", &ShownSchedule::cron),
      meta::field("overlap", &ShownSchedule::overlap),
      meta::field("catch_up_seconds", &ShownSchedule::catch_up_seconds), meta::field("paused", &ShownSchedule::paused),
      meta::field("note", &ShownSchedule::note), meta::field("next_at", &ShownSchedule::next_at),
      meta::field("last_at", &ShownSchedule::last_at), meta::field("last_run", &ShownSchedule::last_run),
      meta::field("last_state", &ShownSchedule::last_state), meta::field("last_error", &ShownSchedule::last_error),
      meta::field("started", &ShownSchedule::started), meta::field("skipped", &ShownSchedule::skipped),
      meta::field("missed", &ShownSchedule::missed));
};

struct ScheduleList {
  std::vector<ShownSchedule> schedules;
  static constexpr auto kFields = meta::fields(meta::field("schedules", &ScheduleList::schedules));
};

[[noreturn]] void refuse_schedule(std::string message, std::string advice) {
  throw meta::Error(meta::ErrorCode::invalid_input, std::move(message), std::move(advice));
}

constexpr auto kUnits = std::to_array<std::pair<std::string_view, std::int64_t>>(
    {{"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}});
constexpr std::int64_t kMostDays = 3650;

milliseconds parse_duration(std::string_view option, const std::string& text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  const std::string_view unit(parsed.ptr, end);
  const auto* const found = std::ranges::find(kUnits, unit, &std::pair<std::string_view, std::int64_t>::first);
  const auto most = kMostDays * kUnits.back().second;
  if (parsed.ec != std::errc() || found == kUnits.end() || number < 0 || number > most / found->second) {
    refuse_schedule(fmt::format("{} takes a time like 90s, 15m, 1h or 2d, not '{}'", option, text),
                    "`wellhead schedule add --help` has examples");
  }
  return milliseconds(number * found->second);
}

std::string duration_text(milliseconds duration) {
  for (const auto& [name, length] : std::views::reverse(kUnits)) {
    if (duration.count() % length == 0) return fmt::format("{}{}", duration.count() / length, name);
  }
  return fmt::format("{}ms", duration.count());
}

// To the second: nothing comes at a finer time.
std::string time_text(meta::Time time) { return meta::to_rfc3339(time).substr(0, 19) + "Z"; }

// The database, and an engine that only queues and looks.
class Schedules {
 public:
  explicit Schedules(const CommandLine& line)
      : settings_(line.start()), database_(settings_, [this] { return signals_.requested(); }) {
    database_.migrate();
    journal_ = std::make_unique<storage::PostgresJournal>(database_.url());
    engine_ = choose_engine(settings_, *journal_, registry_, metrics_, {}).engine;
  }

  orchestration::Engine& engine() { return *engine_; }
  const meta::Settings& settings() const { return settings_; }

  ShownSchedule shown(const ScheduleDescription& description) {
    const Schedule& schedule = description.schedule;
    ShownSchedule shown{.schedule = schedule.id, .overlap = std::string(to_string(schedule.overlap))};
    if (schedule.action.workflow_type == zipcode::kScheduledLoad.name) {
      shown.zipcode = meta::from_json<zipcode::ScheduledLoad>(schedule.action.input).zipcode.text();
    }
    const auto seconds = [](milliseconds duration) { return std::chrono::duration<double>(duration).count(); };
    if (schedule.spec.every) shown.every_seconds = seconds(*schedule.spec.every);
    if (!schedule.spec.cron.empty()) shown.cron = schedule.spec.cron;
    if (schedule.catchup_window) shown.catch_up_seconds = seconds(*schedule.catchup_window);
    shown.paused = schedule.paused;
    shown.note = schedule.note;
    if (description.next_at) shown.next_at = time_text(*description.next_at);
    shown.started = description.actions;
    shown.skipped = description.skipped_overlap;
    shown.missed = description.missed_catchup;
    if (!description.recent.empty()) add_last(shown, description.recent.back());
    return shown;
  }

 private:
  void add_last(ShownSchedule& shown, const orchestration::StartedAction& last) {
    shown.last_at = time_text(last.scheduled_at);
    shown.last_state = to_string(last.state);
    const auto scheduled = engine_->describe(last.execution_id);
    if (!scheduled) return;
    if (scheduled->failure) shown.last_error = scheduled->failure->message;
    if (scheduled->blocked) shown.last_error = scheduled->blocked->message;
    const auto number = zipcode::requested_run(*scheduled);
    if (!number) return;
    auto connection = database_.connect();
    shown.last_run = number->value;
    shown.last_state = zipcode::read_run(connection, *number).state;
  }

  StopSignals signals_;
  meta::Settings settings_;
  Database database_;
  const orchestration::Registry registry_;
  std::unique_ptr<storage::PostgresJournal> journal_;
  EngineMetrics metrics_;
  std::unique_ptr<orchestration::Engine> engine_;
};

std::string times_text(const ShownSchedule& schedule) {
  if (schedule.cron) return *schedule.cron;
  return "every " + duration_text(milliseconds(static_cast<std::int64_t>(schedule.every_seconds.value_or(0) * 1000)));
}

std::string as_schedule_table(const ScheduleList& list) {
  if (list.schedules.empty()) return "no schedules yet; `wellhead schedule add ZIP --every 1h` makes one\n";
  std::vector<std::vector<std::string>> rows = {
      {"SCHEDULE", "ZIP", "TIMES", "OVERLAP", "NEXT", "LAST", "RUN", "STATE", "STARTED", "SKIPPED", "MISSED"}};
  for (const auto& schedule : list.schedules) {
    rows.push_back({schedule.schedule, schedule.zipcode, times_text(schedule), schedule.overlap,
                    schedule.paused ? "paused" : schedule.next_at.value_or("-"), schedule.last_at.value_or("-"),
                    schedule.last_run ? std::to_string(*schedule.last_run) : "-", schedule.last_state.value_or("-"),
                    with_thousands(schedule.started), with_thousands(schedule.skipped),
                    with_thousands(schedule.missed)});
  }
  using enum Align;
  return format_table(rows, {left, left, left, left, left, left, right, left, right, right, right});
}

int answer(const CommandLine& line, const ScheduleList& list) {
  std::fputs((line.json ? meta::to_json(list) + "\n" : as_schedule_table(list)).c_str(), stdout);
  return kDone;
}

struct AddArguments {
  std::vector<std::string> zipcodes;
  std::string every;
  std::string cron;
  std::string overlap = "skip";
  std::string catch_up;
  std::string name;
  std::string note;
};

// Everything but the id and the zip code.
Schedule schedule_of(const AddArguments& arguments) {
  if (arguments.every.empty() == arguments.cron.empty()) {
    refuse_schedule("a schedule has either --every or --cron", "Give one of them: --every 1h, or --cron '0 3 * * *'");
  }
  Schedule schedule;
  schedule.spec.cron = arguments.cron;
  if (!arguments.every.empty()) schedule.spec.every = parse_duration("--every", arguments.every);
  if (!arguments.catch_up.empty()) schedule.catchup_window = parse_duration("--catch-up", arguments.catch_up);
  schedule.overlap = orchestration::overlap_policy_from_string(arguments.overlap);
  schedule.action.workflow_type = zipcode::kScheduledLoad.name;
  schedule.note = arguments.note;
  return schedule;
}

int add(const CommandLine& line, const AddArguments& arguments) {
  std::vector<Schedule> wanted;
  for (const auto& text : arguments.zipcodes) {
    auto schedule = schedule_of(arguments);
    const auto zipcode = meta::Zipcode::parse(text);
    schedule.id = zipcode.text();
    if (!arguments.name.empty()) schedule.id = arguments.name;
    if (!arguments.name.empty() && arguments.zipcodes.size() > 1) schedule.id += "-" + zipcode.text();
    orchestration::require_valid(schedule);
    schedule.action.input = meta::to_json(zipcode::ScheduledLoad{zipcode, {}});
    wanted.push_back(std::move(schedule));
  }
  Schedules schedules(line);
  ScheduleList list;
  for (auto& schedule : wanted) {
    auto load = meta::from_json<zipcode::ScheduledLoad>(schedule.action.input);
    load.options = load_options(schedules.settings());
    schedule.action.input = meta::to_json(load);
    schedule.action.priority = load.options.priority;
    schedules.engine().create_schedule(schedule);
    list.schedules.push_back(schedules.shown(*schedules.engine().describe_schedule(schedule.id)));
  }
  return answer(line, list);
}

int list_all_schedules(const CommandLine& line) {
  Schedules schedules(line);
  ScheduleList list;
  for (const auto& schedule : schedules.engine().list_schedules()) list.schedules.push_back(schedules.shown(schedule));
  return answer(line, list);
}

using ScheduleChange = std::function<void(orchestration::Engine&, const std::string& id, const std::string& note)>;

// A command that changes one schedule, and shows how it is then.
void add_schedule_change(const Command& schedule, CommandLine& line, const std::string& name,
                         const std::string& description, const ScheduleChange& change) {
  const auto command =
      add_command(schedule, line, name, description, fmt::format("  wellhead schedule {} 02139", name), {});
  const auto id = std::make_shared<std::string>();
  const auto note = std::make_shared<std::string>();
  command.option("id", *id, "Id of the schedule: its zip code, unless it was given a name.").required().type_name("ID");
  if (name == "pause" || name == "resume") {
    command.option("--note", *note, "Why, for whoever reads the list.").type_name("TEXT");
  }
  command.when_chosen([&line, id, note, change] {
    line.action = [&line, id, note, change] {
      Schedules schedules(line);
      change(schedules.engine(), *id, *note);
      ScheduleList left;
      if (const auto found = schedules.engine().describe_schedule(*id)) left.schedules = {schedules.shown(*found)};
      if (left.schedules.empty() && !line.json) return kDone;
      return answer(line, left);
    };
  });
}

void add_add(const Command& schedule, CommandLine& line) {
  using namespace meta::setting;
  const auto command = add_command(schedule, line, "add", "Load zip codes at the times of an interval or a cron line.",
                                   kAddExamples, {&kConcurrency, &kPageSize, &kObservations});
  const auto arguments = std::make_shared<AddArguments>();
  command.option("zipcodes", arguments->zipcodes, "Zip codes, five digits each; each gets a schedule.")
      .required()
      .type_name("ZIP");
  command.option("--every", arguments->every, "How often: 90s, 15m, 1h, 2d.").type_name("TIME");
  command.option("--cron", arguments->cron, "When: a cron line of five fields, in UTC.").type_name("LINE");
  command
      .option("--overlap", arguments->overlap,
              "When the load before is still under way: skip this one, buffer_one until it has ended, "
              "cancel_other, or allow_all (then this one joins it). Default: skip.")
      .type_name("skip|buffer_one|cancel_other|allow_all");
  command
      .option("--catch-up", arguments->catch_up,
              "How late a load may begin that was missed because nothing ran. Default: 10m, and the last one "
              "in any case.")
      .type_name("TIME");
  command
      .option("--name", arguments->name, "Id of the schedule, instead of the zip code; of several zip codes, NAME-ZIP.")
      .type_name("ID");
  command.option("--note", arguments->note, "For whoever reads the list.").type_name("TEXT");
  command.when_chosen([&line, arguments] { line.action = [&line, arguments] { return add(line, *arguments); }; });
}

}  // namespace

void add_schedule(const Command& program, CommandLine& line) {
  using orchestration::Engine;
  const auto command =
      add_command(program, line, "schedule", "Load zip codes again and again, by themselves.", kScheduleExamples, {});
  command.require_command();
  add_add(command, line);
  const auto show = add_command(command, line, "list", "Show the schedules: times, and how the last load ended.",
                                kScheduleListExamples, {});
  show.when_chosen([&line] { line.action = [&line] { return list_all_schedules(line); }; });
  add_schedule_change(
      command, line, "pause", "Fire no more until it is resumed; times that come meanwhile are left out.",
      [](Engine& engine, const std::string& id, const std::string& note) { engine.pause_schedule(id, note); });
  add_schedule_change(
      command, line, "resume", "Go on with a schedule that is paused.",
      [](Engine& engine, const std::string& id, const std::string& note) { engine.unpause_schedule(id, note); });
  add_schedule_change(command, line, "remove", "Forget a schedule. A load that it has begun goes on.",
                      [](Engine& engine, const std::string& id, const std::string&) { engine.delete_schedule(id); });
  add_schedule_change(command, line, "trigger", "Load now, by the overlap policy; also while it is paused.",
                      [](Engine& engine, const std::string& id, const std::string&) { engine.trigger_schedule(id); });
}

}  // namespace wellhead::app
