// Where payloads stand in what crosses the border of this process: each is visited once, on its way out (to be
// encrypted) or in (to be decrypted). Search attributes and markers, which the server and core read, are none of them.
// Texts of failures go with them: on the way out they become the payload `encoded_attributes`.
#pragma once

#include "library/orchestration/temporal/payload_codec.h"

// Declared, not included: they take seconds to compile.
namespace coresdk {
class ActivityHeartbeat;
class ActivityTaskCompletion;
namespace activity_task {
class ActivityTask;
}
namespace workflow_activation {
class WorkflowActivation;
class WorkflowActivationJob;
}  // namespace workflow_activation
namespace workflow_commands {
class WorkflowCommand;
}
namespace workflow_completion {
class WorkflowActivationCompletion;
}
}  // namespace coresdk
namespace temporal::api {
namespace failure::v1 {
class Failure;
}
namespace history::v1 {
class HistoryEvent;
}
namespace workflow::v1 {
class NewWorkflowExecutionInfo;
}
namespace workflowservice::v1 {
class CreateScheduleRequest;
class DescribeScheduleResponse;
class DescribeWorkflowExecutionResponse;
class GetWorkflowExecutionHistoryResponse;
class QueryWorkflowResponse;
class SignalWorkflowExecutionRequest;
class StartWorkflowExecutionRequest;
class UpdateScheduleRequest;
}  // namespace workflowservice::v1
}  // namespace temporal::api

namespace wellhead::orchestration::temporal_engine {

// A direction: PayloadCodec::encode or decode.
class Border {
 public:
  enum class Direction { out, in };
  // codec outlives it.
  Border(const PayloadCodec& codec, Direction direction) : codec_(codec), direction_(direction) {}

  // Messages without payloads.
  template <class Message>
  void cross(Message& /*message*/) const {}

  void cross(coresdk::workflow_activation::WorkflowActivation& activation) const;
  void cross(coresdk::workflow_completion::WorkflowActivationCompletion& completion) const;
  void cross(coresdk::activity_task::ActivityTask& task) const;
  void cross(coresdk::ActivityTaskCompletion& completion) const;
  void cross(coresdk::ActivityHeartbeat& heartbeat) const;
  void cross(::temporal::api::workflowservice::v1::StartWorkflowExecutionRequest& request) const;
  void cross(::temporal::api::workflowservice::v1::SignalWorkflowExecutionRequest& request) const;
  void cross(::temporal::api::workflowservice::v1::QueryWorkflowResponse& response) const;
  void cross(::temporal::api::workflowservice::v1::DescribeWorkflowExecutionResponse& response) const;
  void cross(::temporal::api::workflowservice::v1::GetWorkflowExecutionHistoryResponse& response) const;
  void cross(::temporal::api::workflowservice::v1::CreateScheduleRequest& request) const;
  void cross(::temporal::api::workflowservice::v1::UpdateScheduleRequest& request) const;
  void cross(::temporal::api::workflowservice::v1::DescribeScheduleResponse& response) const;
  void cross(::temporal::api::failure::v1::Failure& failure) const;

 private:
  using Payload = ::temporal::api::common::v1::Payload;
  void one(Payload& payload) const;
  void all(::temporal::api::common::v1::Payloads& payloads) const;
  template <class List>
  void each(List& payloads) const {
    for (auto& payload : payloads) one(payload);
  }
  template <class Map>
  void values(Map& payloads) const {
    for (auto& [name, payload] : payloads) one(payload);
  }
  template <class Result>
  void outcome(Result& result) const;
  void command(coresdk::workflow_commands::WorkflowCommand& command) const;
  void job(coresdk::workflow_activation::WorkflowActivationJob& job) const;
  void event(::temporal::api::history::v1::HistoryEvent& event) const;
  bool workflow_event(::temporal::api::history::v1::HistoryEvent& event) const;
  bool child_event(::temporal::api::history::v1::HistoryEvent& event) const;
  void start(::temporal::api::workflow::v1::NewWorkflowExecutionInfo& start) const;

  const PayloadCodec& codec_;
  Direction direction_;
};

}  // namespace wellhead::orchestration::temporal_engine
