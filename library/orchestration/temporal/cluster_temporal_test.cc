// What only a cluster has: search attributes and memo, builds of a deployment, queues that nobody serves, limits and
// refusals of the server, executions of other programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <temporal/api/workflowservice/v1/request_response.pb.h>

#include <memory>
#include <string>
#include <utility>

#include "library/orchestration/temporal/temporal_engine.h"
#include "tests/fixture/temporal_server.h"
#include "tests/fixture/thrown.h"
#include "tests/fixture/wait.h"

namespace wellhead::orchestration::temporal_engine {
namespace {

namespace service = ::temporal::api::workflowservice::v1;
using fixture::error_of;
using fixture::TemporalServer;
using fixture::wait_until;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const RetryPolicy kOnce{.maximum_attempts = 1};
const ActivityName<int, std::string> kWork{"work", {.retry = kOnce}};
const ActivityName<int, std::string> kElsewhere{"elsewhere", {.task_queue = "elsewhere", .retry = kOnce}};
const WorkflowName<int, std::string> kScript{"script"};
const WorkflowName<int, std::string> kWaiting{"waiting"};

Workflow<std::string> one_step(WorkflowContext& flow, int input) {
  std::string result = co_await flow.run(kWork, input);
  co_return result;
}

// A step, a signal, a step.
Workflow<std::string> wait_for_go(WorkflowContext& flow, int input) {
  std::string first = co_await flow.run(kWork, input);
  Signals<int> go = flow.signals<int>("go");
  co_await go.next();
  std::string second = co_await flow.run(kWork, input + 1);
  co_return first + second;
}

// One server for all: it takes seconds to start.
class Cluster : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server = new TemporalServer(); }
  static void TearDownTestSuite() {
    delete server;
    server = nullptr;
  }

  Cluster() {
    registry_.add_workflow(kScript, one_step);
    registry_.add_workflow(kWaiting, wait_for_go);
    registry_.add_activity(kWork, [](ActivityContext&, int number) { return std::to_string(number); });
  }

  static TemporalEngineOptions options() {
    return {.connection = {.address = server->address()},
            // Of each test's own.
            .task_queue = ::testing::UnitTest::GetInstance()->current_test_info()->name(),
            .liveness = std::chrono::seconds(3)};
  }
  std::unique_ptr<TemporalEngine> engine(TemporalEngineOptions wanted = options()) {
    return std::make_unique<TemporalEngine>(registry_, std::move(wanted));
  }
  std::unique_ptr<TemporalEngine> running(TemporalEngineOptions wanted = options()) {
    auto engine = this->engine(std::move(wanted));
    engine->begin();
    return engine;
  }
  static std::int64_t count(const std::string& query) { return server->count(query); }

  // Of the latest execution, as the server keeps it.
  static std::string memo(const std::string& workflow_id, const std::string& name) {
    service::DescribeWorkflowExecutionRequest request;
    request.set_namespace_("default");
    request.mutable_execution()->set_workflow_id(workflow_id);
    service::DescribeWorkflowExecutionResponse described;
    described.ParseFromString(server->request("DescribeWorkflowExecution", request.SerializeAsString()));
    return described.workflow_execution_info().memo().fields().at(name).data();
  }

  static TemporalServer* server;
  Registry registry_;
};
TemporalServer* Cluster::server = nullptr;

TEST_F(Cluster, ExecutionsAreFoundByWhatTheyAreAbout) {
  const auto engine = running();
  const auto execution = engine->start(kWaiting, "about", 1, {.labels = {{"zipcode", "02139"}, {"made", "here"}}});
  wait_until([&] { return count("WellheadZipcode = '02139' AND WellheadState = 'running'") == 1; });
  EXPECT_EQ(count("WellheadMade = 'there'"), 0) << "the server has heard of it";
  engine->pause(execution.execution_id);
  wait_until([&] { return count("WellheadZipcode = '02139' AND WellheadState = 'paused'") == 1; });
  // Also when another worker replays it.
  engine->stop();
  const auto next = running();
  next->resume(execution.execution_id);
  wait_until([&] { return count("WellheadMade = 'here' AND WellheadState = 'running'") == 1; });
  next->signal(execution.execution_id, "go", 1);
  EXPECT_EQ(next->result(kWaiting, execution), "12");
  wait_until([&] { return count("WellheadZipcode = '02139' AND ExecutionStatus = 'Completed'") == 1; });

  EXPECT_EQ(memo("about", "zipcode"), "\"02139\"");
}

// So it is with the load of a schedule.
TEST_F(Cluster, ChildrenAreFoundByWhatTheyAreAbout) {
  const WorkflowName<int, std::string> parent{"parent"};
  registry_.add_workflow(parent, [](WorkflowContext& flow, int input) -> Workflow<std::string> {
    ChildOptions about;
    about.labels = {{"zipcode", "02140"}, {"made", "by a parent"}};
    std::string result = co_await flow.run_child(kWaiting, "child", input, about);
    co_return result;
  });
  auto wanted = options();
  wanted.labels = {"zipcode", "made"};
  const auto engine = running(wanted);
  const auto execution = engine->start(parent, "parent", 3);
  wait_until([&] { return count("WellheadZipcode = '02140' AND WellheadState = 'running'") == 1; });
  EXPECT_EQ(count("WorkflowId = 'child' AND WellheadMade = 'by a parent'"), 1);
  EXPECT_EQ(memo("child", "zipcode"), "\"02140\"");
  const auto child = *engine->latest_execution("child");
  engine->pause(child);
  wait_until([&] { return count("WellheadZipcode = '02140' AND WellheadState = 'paused'") == 1; });
  engine->resume(child);
  engine->signal(child, "go", 1);
  EXPECT_EQ(engine->result(parent, execution), "34");
}

TEST_F(Cluster, ANamespaceThatIsNotThereIsNamed) {
  auto wrong = options();
  wrong.connection.name_space = "nowhere";
  const auto engine = this->engine(wrong);
  const auto error = error_of([&] { engine->begin(); });
  EXPECT_THAT(error.message(), HasSubstr("nowhere"));
  EXPECT_EQ(error.code(), meta::ErrorCode::not_found);
}

TEST_F(Cluster, AResultThatIsTooLargeFailsItsStepAndSaysSo) {
  registry_ = Registry();
  registry_.add_workflow(kScript, one_step);
  registry_.add_activity(kWork, [](ActivityContext&, int) { return std::string(3'000'000, 'x'); });
  const auto engine = running();
  const auto ended = engine->wait(engine->start(kScript, "large", 1).execution_id);
  EXPECT_EQ(ended.state, WorkflowState::failed);
  ASSERT_TRUE(ended.failure);
  EXPECT_EQ(ended.failure->step, "work");
  EXPECT_THAT(ended.failure->message, HasSubstr("exceeds size limit"));
}

TEST_F(Cluster, AnInputThatIsTooLargeIsRefused) {
  const WorkflowName<std::string, std::string> large{"script"};
  const auto engine = running();
  const auto error = error_of([&] { engine->start(large, "large input", std::string(3'000'000, 'x')); });
  EXPECT_EQ(error.code(), meta::ErrorCode::invalid_input);
  EXPECT_THAT(error.message(), HasSubstr("size exceeds limit"));
}

TEST_F(Cluster, AStepWhoseInputIsTooLargeFailsItsWorkflowAndSaysSo) {
  const ActivityName<std::string, std::string> swallow{"swallow", {.retry = kOnce}};
  registry_ = Registry();
  registry_.add_workflow(kScript, [swallow](WorkflowContext& flow, int) -> Workflow<std::string> {
    const std::string large(3'000'000, 'x');
    std::string result = co_await flow.run(swallow, large);
    co_return result;
  });
  registry_.add_activity(swallow, [](ActivityContext&, const std::string&) { return std::string("never"); });
  const auto engine = running();
  const auto ended = engine->wait(engine->start(kScript, "large step", 1).execution_id);
  EXPECT_EQ(ended.state, WorkflowState::failed);
  ASSERT_TRUE(ended.failure);
  EXPECT_THAT(ended.failure->message, HasSubstr("exceeds size limit"));
}

// Nobody's load stands still because somebody sent what it does not understand.
TEST_F(Cluster, AnUpdateIsRefusedAndTheWorkflowGoesOn) {
  const auto engine = running();
  const auto execution = engine->start(kWaiting, "updated", 1);
  wait_until([&] { return engine->describe(execution.execution_id)->steps.size() == 1; });
  service::UpdateWorkflowExecutionRequest request;
  request.set_namespace_("default");
  request.mutable_workflow_execution()->set_workflow_id("updated");
  request.mutable_wait_policy()->set_lifecycle_stage(
      ::temporal::api::enums::v1::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED);
  request.mutable_request()->mutable_meta()->set_update_id("one");
  request.mutable_request()->mutable_input()->set_name("their_update");
  service::UpdateWorkflowExecutionResponse answer;
  answer.ParseFromString(server->request("UpdateWorkflowExecution", request.SerializeAsString()));
  EXPECT_THAT(answer.outcome().failure().message(), HasSubstr("takes no update 'their_update'"));
  engine->signal(execution.execution_id, "go", 1);
  EXPECT_EQ(engine->result(kWaiting, execution), "12");
}

// An older program got hold of it: it says what it does not know, does no harm, and the newer one goes on.
TEST_F(Cluster, AnExecutionThatANewerProgramBeganWaitsForThatProgram) {
  const ActivityName<int, std::string> newer{"newer_work", {.retry = kOnce}};
  const auto with_newer_step = [newer](WorkflowContext& flow, int input) -> Workflow<std::string> {
    std::string first = co_await flow.run(newer, input);
    Signals<int> go = flow.signals<int>("go");
    co_await go.next();
    std::string second = co_await flow.run(kWork, input + 1);
    co_return first + second;
  };
  Registry newer_program;
  newer_program.add_workflow(kWaiting, with_newer_step);
  newer_program.add_activity(kWork, [](ActivityContext&, int number) { return std::to_string(number); });
  newer_program.add_activity(newer, [](ActivityContext&, int) { return std::string("new"); });
  auto engine = std::make_unique<TemporalEngine>(newer_program, options());
  engine->begin();
  const auto execution = engine->start(kWaiting, "from the future", 1);
  wait_until([&] {
    const auto steps = engine->describe(execution.execution_id)->steps;
    return steps.size() == 1 && steps[0].state == StepDescription::State::completed;
  });
  engine->stop();

  const auto older = running();
  older->signal(execution.execution_id, "go", 1);
  const auto error = error_of([&] { older->wait(execution.execution_id); });
  EXPECT_EQ(error.code(), meta::ErrorCode::nondeterminism);
  EXPECT_THAT(error.message(), AllOf(HasSubstr("from the future"), HasSubstr("newer_work")));
  const auto told = older->describe(execution.execution_id);
  EXPECT_EQ(told->state, WorkflowState::running);
  EXPECT_TRUE(told->blocked);
  EXPECT_EQ(older->result(kScript, older->start(kScript, "of today", 4)), "4");
  older->stop();

  engine = std::make_unique<TemporalEngine>(newer_program, options());
  engine->begin();
  EXPECT_EQ(engine->result(kWaiting, execution), "new2");
}

// What another program began on our queue is left alone, and said.
TEST_F(Cluster, AnExecutionOfAnotherProgramIsBlockedAloneAndNamed) {
  const auto engine = running();
  const auto execution = engine->start_workflow("their_workflow", "theirs", "1", {});
  const auto error = error_of([&] { engine->wait(execution.execution_id); });
  EXPECT_THAT(error.message(), HasSubstr("their_workflow"));
  EXPECT_EQ(engine->describe(execution.execution_id)->state, WorkflowState::running);
  // Others go on beside it.
  EXPECT_EQ(engine->result(kScript, engine->start(kScript, "ours", 4)), "4");
}

// It has a name of ours, and an input of theirs.
TEST_F(Cluster, AnExecutionWithAnInputOfAnotherProgramFailsAndSaysSo) {
  const auto engine = running();
  const auto ended =
      engine->wait(engine->start_workflow("script", "their input", R"({"their": "input"})", {}).execution_id);
  EXPECT_EQ(ended.state, WorkflowState::failed);
  ASSERT_TRUE(ended.failure);
  EXPECT_THAT(ended.failure->message, HasSubstr("an integer"));
}

TEST_F(Cluster, AStepOfAQueueThatNobodyServesWaitsForWhoDoes) {
  registry_.add_activity(kElsewhere, [](ActivityContext&, int) { return std::string("served"); });
  const WorkflowName<int, std::string> script{"goes elsewhere"};
  registry_.add_workflow(script, [](WorkflowContext& flow, int input) -> Workflow<std::string> {
    std::string result = co_await flow.run(kElsewhere, input);
    co_return result;
  });
  const auto engine = running();
  const auto execution = engine->start(script, "unserved", 1);
  wait_until([&] { return engine->describe(execution.execution_id)->steps.size() == 1; });
  EXPECT_EQ(engine->describe(execution.execution_id)->steps.at(0).state, StepDescription::State::scheduled);
  EXPECT_THAT(engine->unserved_queues({"default", "elsewhere"}), ElementsAre(options().task_queue + "-elsewhere"));
  auto serving = options();
  serving.run_workflows = false;
  serving.slots = {{"elsewhere", 1}};
  const auto other = running(serving);
  EXPECT_EQ(engine->result(script, execution), "served");
  EXPECT_THAT(engine->unserved_queues({"default", "elsewhere"}), IsEmpty());
}

std::string with_keys(const std::string& id) { return id + ":MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="; }

// What the server keeps of an execution, as bytes.
std::string kept(const TemporalServer& server, const std::string& workflow_id) {
  service::GetWorkflowExecutionHistoryRequest history;
  history.set_namespace_("default");
  history.mutable_execution()->set_workflow_id(workflow_id);
  service::DescribeWorkflowExecutionRequest look;
  look.set_namespace_("default");
  look.mutable_execution()->set_workflow_id(workflow_id);
  return server.request("GetWorkflowExecutionHistory", history.SerializeAsString()) +
         server.request("DescribeWorkflowExecution", look.SerializeAsString());
}

TEST_F(Cluster, PayloadsAreEncryptedAndTheEngineReadsThem) {
  const WorkflowName<std::string, std::string> secretive{"secretive"};
  const ActivityName<std::string, std::string> whisper{"whisper", {.retry = {.maximum_attempts = 2}}};
  registry_.add_workflow(secretive, [&](WorkflowContext& flow, std::string input) -> Workflow<std::string> {
    flow.on_query<std::string>("secret", [] { return std::string("Geheimnis"); });
    std::string step = co_await flow.run(whisper, input);
    Signals<std::string> go = flow.signals<std::string>("go");
    std::string signal = co_await go.next();
    co_return step + signal;
  });
  registry_.add_activity(whisper, [](ActivityContext& activity, const std::string& input) {
    activity.heartbeat(std::string("Geheimnis"));
    if (activity.attempt() == 1) throw meta::Error(meta::ErrorCode::source_failed, "Geheimnis " + input);
    return input + "!";
  });
  auto encrypting = options();
  encrypting.connection.payload_keys = with_keys("one");
  const auto engine = running(encrypting);
  const auto execution = engine->start(secretive, "encrypted", "Geheimnis", {.labels = {{"about", "Geheimnis"}}});
  wait_until([&] {
    const auto steps = engine->describe(execution.execution_id)->steps;
    return steps.size() == 1 && steps[0].state == StepDescription::State::completed;
  });
  EXPECT_EQ(engine->query<std::string>(execution.execution_id, "secret"), "Geheimnis");
  engine->signal(execution.execution_id, "go", std::string("Geheimnis"));
  EXPECT_EQ(engine->result(secretive, execution), "Geheimnis!Geheimnis");
  const auto told = engine->describe(execution.execution_id);
  EXPECT_EQ(told->input, "\"Geheimnis\"");
  ASSERT_EQ(told->steps.at(0).attempts.size(), 2U);
  EXPECT_EQ(told->steps.at(0).attempts.at(0).failure->message, "Geheimnis Geheimnis");
  EXPECT_THAT(kept(*server, "encrypted"), AllOf(HasSubstr("binary/encrypted"), Not(HasSubstr("Geheimnis"))));
}

TEST_F(Cluster, AWorkerWithoutTheKeySaysSoAndOneWithItGoesOn) {
  auto encrypting = options();
  encrypting.connection.payload_keys = with_keys("one");
  const auto first = running(encrypting);
  const auto execution = first->start(kWaiting, "locked", 1);
  wait_until([&] { return first->describe(execution.execution_id)->steps.size() == 1; });
  first->stop();
  auto other = options();
  other.connection.payload_keys = with_keys("two");
  const auto wrong = running(other);
  wrong->signal(execution.execution_id, "go", 1);
  EXPECT_THAT(error_of([&] { wrong->describe(execution.execution_id); }).message(),
              HasSubstr("encrypted with key 'one', which is not here"));
  wrong->stop();
  auto both = options();
  both.connection.payload_keys = with_keys("one") + "," + with_keys("two");
  EXPECT_EQ(running(both)->result(kWaiting, execution), "12");
}

class Deployment : public Cluster {
 protected:
  static TemporalEngineOptions build(const std::string& build, bool pinned) {
    auto wanted = options();
    wanted.deployment = wanted.task_queue;
    wanted.build_id = build;
    wanted.pinned = pinned;
    return wanted;
  }
  static void make_current(const std::string& build) { server->set_current_build(options().task_queue, build); }
  // Under way on build 1 when build 2 becomes the current one; the build that ended it.
  std::string upgraded(bool pinned) {
    const auto record = [this](const char* name) {
      registry_ = Registry();
      registry_.add_workflow(kWaiting, wait_for_go);
      registry_.add_activity(kWork, [name](ActivityContext&, int) { return std::string(name); });
    };
    record("1");
    const Registry first_registry = registry_;
    TemporalEngine first(first_registry, build("1", pinned));
    first.begin();
    make_current("1");
    const auto execution = first.start(kWaiting, pinned ? "pinned" : "upgraded", 1);
    wait_until([&] {
      const auto steps = first.describe(execution.execution_id)->steps;
      return steps.size() == 1 && steps[0].state == StepDescription::State::completed;
    });
    record("2");
    const auto second = running(build("2", pinned));
    make_current("2");
    second->signal(execution.execution_id, "go", 1);
    return second->result(kWaiting, execution);
  }
};

TEST_F(Deployment, APinnedWorkflowEndsOnTheBuildThatBeganIt) { EXPECT_EQ(upgraded(true), "11"); }

TEST_F(Deployment, AnotherMovesToTheCurrentBuild) { EXPECT_EQ(upgraded(false), "12"); }

}  // namespace
}  // namespace wellhead::orchestration::temporal_engine
